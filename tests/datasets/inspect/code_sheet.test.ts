/** What codes look like. */
import { assertEquals, assertRejects } from "@std/assert";
import { codeSheet } from "../../../datasets/mod.ts";
import { ImageProcessor, VQModel } from "../../../mod.ts";
import { fixture } from "../../support/paths.ts";

const MODEL = fixture("golden/tiny-f4");

Deno.test("each code of a sheet is the middle of its own 3×3 grid, enlarged where it is small", async () => {
  using model = await VQModel.fromPretrained(MODEL, { device: "wasm" });
  const done: number[] = [];
  const sheet = await codeSheet(model, { onProgress: (codes) => done.push(codes) });
  const codes = model.config.num_vq_embeddings;
  const columns = Math.ceil(Math.sqrt(codes));
  assertEquals([sheet.width, sheet.height], [17 * columns - 1, 17 * Math.ceil(codes / columns) - 1]);
  assertEquals(done.at(-1), codes);

  for (const code of [0, 5, codes - 1]) {
    using decoded = await model.detokenize({ indices: Array(9).fill(code), shape: [1, 3, 3] });
    const [picture] = await ImageProcessor.for(model).postprocess(decoded);
    const [left, top] = [17 * (code % columns), 17 * Math.floor(code / columns)];
    for (const [x, y] of [[0, 0], [3, 1], [2, 3]]) {
      const expected = 4 * ((4 + y) * picture.width + 4 + x);
      const found = 4 * ((top + 4 * y + 3) * sheet.width + left + 4 * x + 1);
      assertEquals(sheet.data.slice(found, found + 4), picture.data.slice(expected, expected + 4), `${code}`);
    }
  }
});

Deno.test("a part of the codebook can be drawn, and nothing beyond it", async () => {
  using model = await VQModel.fromPretrained(MODEL, { device: "wasm" });
  const { width, height } = await codeSheet(model, { first: 3, count: 2 });
  assertEquals([width, height], [33, 16]);
  const codes = model.config.num_vq_embeddings;
  for (const range of [{ first: codes }, { first: -1 }, { count: 0 }, { first: 1, count: codes }, { first: 0.5 }]) {
    await assertRejects(() => codeSheet(model, range), RangeError, `the ${codes} codes of the model`);
  }
  await assertRejects(() => codeSheet(model, { start: 1 } as never), TypeError, "first, count");
});
