/** Pictures and tensors of Diffusers' VaeImageProcessor. */
import { assertEquals } from "@std/assert";
import { Tensor } from "../../../kernels/mod.ts";
import { ImageProcessor } from "../../../model/images/mod.ts";
import { pictureUrl, postprocessed, preprocessed, type Scenario, stored } from "./picture_fixtures.ts";

function processorFor(scenario: Scenario): ImageProcessor {
  return new ImageProcessor({
    vaeScaleFactor: scenario.vae_scale_factor,
    doNormalize: scenario.do_normalize,
    doResize: scenario.do_resize,
    doConvertGrayscale: scenario.do_convert_grayscale,
  });
}

for (const scenario of preprocessed) {
  Deno.test(`preprocess() equals Diffusers in scenario ${scenario.key}`, async () => {
    const { key, height, width } = scenario;
    const tensor = await processorFor(scenario).preprocess(pictureUrl(scenario), { height, width });
    const { data: resized, shape: [rows, columns, channels] } = stored.bytes(`${key}.resized`);
    assertEquals(tensor.shape, [1, channels, rows, columns]);

    const actual = await tensor.data();
    const plane = rows * columns;
    const range = scenario.do_normalize ?? true ? (byte: number) => 2 * byte / 255 - 1 : (byte: number) => byte / 255;
    const wrong = resized.findIndex((byte, i) =>
      !(Math.abs(actual[i % channels * plane + Math.floor(i / channels)] - range(byte)) < 1e-6)
    );
    assertEquals(wrong, -1, "index of the first value that is not the resized byte");

    if (stored.names.includes(`${key}.preprocessed`)) {
      assertEquals(actual, stored.tensor(`${key}.preprocessed`).data);
    } else {
      const { data: top } = stored.tensor(`${key}.preprocessed_top8`);
      const topOf = (c: number) => actual.slice(c * plane, c * plane + 8 * columns);
      assertEquals([0, 1, 2].map(topOf), [0, 1, 2].map((c) => top.slice(c * 8 * columns, (c + 1) * 8 * columns)));
    }
  });
}

for (const { key, do_normalize } of postprocessed) {
  Deno.test(`postprocess() equals Diffusers in scenario ${key}`, async () => {
    const { data, shape } = stored.tensor(`${key}.input`);
    const tensor = new Tensor(data, shape);
    const pictures = await new ImageProcessor({ doNormalize: do_normalize }).postprocess(tensor);
    const { data: expected, shape: [count, height, width, channels] } = stored.bytes(`${key}.uint8`);
    assertEquals(pictures.map((p) => [p.height, p.width]), Array(count).fill([height, width]));
    const actual = pictures.flatMap(({ data }) => [...data].filter((_, i) => i % 4 < channels));
    assertEquals(Uint8Array.from(actual), expected);
  });
}
