/** Which tile a matrix product is computed in. */
import { assertEquals } from "@std/assert";
import { chooseTile, HARDWARE, SOFTWARE } from "../../kernels/webgpu/tuning.ts";

const shape = (rows: number, columns: number) => {
  const tile = chooseTile(SOFTWARE.tiles, rows, columns);
  return `${tile.rows}x${tile.columns}, ${tile.lanesX} lanes`;
};

Deno.test("large products are computed in the tile that loads least", () => {
  assertEquals(shape(4096, 128), "32x4, 8 lanes");
  assertEquals(chooseTile(HARDWARE.tiles, 4096, 128), HARDWARE.tiles[0]);
});

Deno.test("few rows take low and wide tiles", () => {
  assertEquals(shape(16, 128), "16x8, 8 lanes");
  assertEquals(shape(4, 128), "4x4, 8 lanes");
  assertEquals(shape(1, 192), "1x4, 8 lanes");
});

Deno.test("few columns take narrow tiles", () => {
  assertEquals(shape(4096, 16), "32x2, 8 lanes");
  assertEquals(shape(4096, 8), "32x1, 8 lanes");
  assertEquals(shape(4096, 1), "32x1, 1 lanes");
});
