/** What the panes show: zooming, heat maps, maps of tokens, and codes. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { nearestCodes, sheetOfCodes, swatchesOf } from "../../../examples/playground/engine/codebook.ts";
import { openPicture, sidesWithin } from "../../../examples/playground/engine/pictures.ts";
import { differenceMap, greatestMargin, marginMap } from "../../../examples/playground/views/heat_maps.ts";
import { tokenPixels } from "../../../examples/playground/views/token_map.ts";
import { fit, pan, reveal, toPicture, zoom } from "../../../examples/playground/views/viewport.ts";
import { ImageProcessor, Picture, tokenMap } from "../../../mod.ts";

const PICTURE = { width: 300, height: 200 };
const PANE = { width: 600, height: 600 };

Deno.test("a picture is fitted into the middle of a pane", () => {
  assertEquals(fit(PICTURE, PANE), { scale: 2, x: 0, y: -50 });
});

Deno.test("zooming keeps the point under the pointer, and never shows less than the pane can", () => {
  const at = { x: 100, y: 300 };
  const closer = zoom(fit(PICTURE, PANE), 4, at, PICTURE, PANE);
  assertEquals(closer.scale, 8);
  assertEquals(toPicture(closer, at), toPicture(fit(PICTURE, PANE), at));
  assertEquals(zoom(closer, 1 / 1000, at, PICTURE, PANE), fit(PICTURE, PANE));
  assertEquals(zoom(closer, 1000, at, PICTURE, PANE).scale, 64);
});

Deno.test("moving ends at the border of the picture, and a rectangle is moved into view", () => {
  const closer = zoom(fit(PICTURE, PANE), 4, { x: 300, y: 300 }, PICTURE, PANE);
  assertEquals(pan(closer, { x: 1e6, y: -1e6 }, PICTURE, PANE), { scale: 8, x: 0, y: 125 });
  const moved = reveal(closer, { x: 290, y: 0 }, { x: 300, y: 10 }, PICTURE, PANE);
  assertEquals(moved, { scale: 8, x: 225, y: 0 });
  assertEquals(reveal(moved, { x: 230, y: 5 }, { x: 240, y: 10 }, PICTURE, PANE), moved);
});

Deno.test("heat maps are dark where pictures are equal, and bright where margins are small", () => {
  const picture = (...levels: number[]) => ({
    width: levels.length,
    height: 1,
    data: Uint8ClampedArray.from(levels.flatMap((level) => [level, level, level, 255])),
  });
  const brightness = (data: Uint8ClampedArray, i: number) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2];
  const { data } = differenceMap(picture(10, 10, 10), picture(10, 20, 200))!;
  assert(brightness(data, 0) < brightness(data, 1) && brightness(data, 1) < brightness(data, 2));
  assertEquals(differenceMap(picture(1), picture(1, 2)), undefined);

  const margins = Float32Array.of(0, 0.1, 0.4, 9);
  const map = marginMap(margins, 2, greatestMargin(margins));
  assertEquals([map.width, map.height], [2, 2]);
  assert(brightness(map.data, 0) > brightness(map.data, 1) && brightness(map.data, 1) > brightness(map.data, 2));
});

Deno.test("margins of a codebook of one code, which are infinite, are shown as great ones", () => {
  const margins = Float32Array.of(Infinity, Infinity);
  assertEquals(greatestMargin(margins), 1);
  const great = marginMap(Float32Array.of(9, 9), 2, 1);
  assertEquals(marginMap(margins, 2, greatestMargin(margins)), great);
  assertEquals(greatestMargin(Float32Array.of(Infinity, 0.5, 0.25)), 0.25);
});

Deno.test("maps of tokens have the library's colours", () => {
  const tokens = Int32Array.of(3, 0, 1, 3, 2, 2);
  const colours = tokenMap(Int32Array.of(0, 1, 2, 3), [1, 4]).data;
  assertEquals(tokenPixels(tokens, 3, colours).data, tokenMap(tokens, [2, 3]).data);
});

Deno.test("the codes nearest to a code are sorted by distance, itself first", () => {
  const vectors = Float32Array.of(0, 0, 3, 4, 0, 1, 3, 4);
  const found = nearestCodes(vectors, 2, 3, 3);
  assertEquals(found.map(({ code }) => code), [3, 1, 2]);
  assertAlmostEquals(found[2].distance, Math.hypot(3, 3));
});

Deno.test("codes are shown in blocks of a sheet, and cut out of its middle", () => {
  const { indices, shape: [, side] } = sheetOfCodes([900, 901], 1024);
  assertEquals([...indices.slice(0, 5)], [900, 900, 901, 901, indices[4]]);
  assert(indices.every((code) => code >= 0 && code < 1024));
  const factor = 4;
  const data = new Uint8ClampedArray(4 * (factor * side) ** 2);
  for (let y = 0; y < factor * side; y++) {
    for (let x = 0; x < factor * side; x++) {
      data.fill(indices[Math.floor(y / factor) * side + Math.floor(x / factor)] - 800, 4 * (y * factor * side + x));
    }
  }
  const [first, second] = swatchesOf(new Picture(factor * side, factor * side, data), 2);
  assertEquals([first.width, first.height], [4, 4]);
  assert(first.data.every((value) => value === 100) && second.data.every((value) => value === 101));
});

Deno.test("pictures are shrunk in proportion, to whole tokens, and never enlarged", () => {
  assertEquals(sidesWithin({ width: 768, height: 512 }, 384, 4), { width: 384, height: 256 });
  assertEquals(sidesWithin({ width: 10, height: 1000 }, 128, 16), { width: 16, height: 128 });
  assertEquals(sidesWithin({ width: 65, height: 33 }, 384, 8), { width: 64, height: 32 });
});

Deno.test("small and large picture files are resized to the same bytes as their pixels", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4 });
  for (const [width, height] of [[90, 60], [2400, 1800]]) {
    const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => i % 4 === 3 ? 255 : i % 253 + i % 7);
    const picture = new Picture(width, height, data);
    const opened = await openPicture(new Blob([picture.encode("png")]), { side: 64, processor, factor: 4 });
    const expected = await processor.preprocess(picture, sidesWithin(picture, 64, 4));
    assertEquals([opened.shape, await opened.data()], [expected.shape, await expected.data()]);
  }
});
