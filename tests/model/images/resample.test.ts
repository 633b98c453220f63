import { assertEquals } from "@std/assert";
import { decodePicture } from "../../../model/images/picture.ts";
import { lanczosResize, type RgbRaster } from "../../../model/images/resample.ts";
import { bytes, pictureUrl, preprocessed, shapeOf } from "./picture_fixtures.ts";

function raster(width: number, height: number, data: Iterable<number>): RgbRaster {
  return { width, height, data: Uint8ClampedArray.from(data) };
}

for (const scenario of preprocessed.filter((s) => !s.do_convert_grayscale)) {
  Deno.test(`lanczosResize() gives PIL's bytes in scenario ${scenario.key}`, async () => {
    const { width, height, data } = await decodePicture(await Deno.readFile(pictureUrl(scenario)));
    const [rows, columns] = shapeOf(`${scenario.key}.resized`);
    const resized = lanczosResize(raster(width, height, data.filter((_, i) => i % 4 < 3)), columns, rows);
    assertEquals([resized.height, resized.width], [rows, columns]);
    assertEquals(new Uint8Array(resized.data), bytes(`${scenario.key}.resized`));
  });
}

Deno.test("lanczosResize() returns the same raster if the size stays", () => {
  const source = raster(1, 2, [1, 2, 3, 4, 5, 6]);
  assertEquals(lanczosResize(source, 1, 2) === source, true);
});

Deno.test("lanczosResize() keeps a flat colour at any size", () => {
  const source = raster(5, 3, Array(15).fill([10, 128, 255]).flat());
  for (const [width, height] of [[1, 1], [2, 9], [13, 2], [64, 64]]) {
    const { data } = lanczosResize(source, width, height);
    assertEquals(data, Uint8ClampedArray.from(Array(width * height).fill([10, 128, 255]).flat()));
  }
});

Deno.test("lanczosResize() clips what overshoots an edge", () => {
  const edge = raster(8, 1, [0, 0, 0, 0, 255, 255, 255, 255].flatMap((v) => [v, v, v]));
  const { data } = lanczosResize(edge, 16, 1);
  assertEquals(data[0], 0);
  assertEquals(data.at(-1), 255);
});
