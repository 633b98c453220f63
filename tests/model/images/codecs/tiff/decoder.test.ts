import { assertEquals } from "@std/assert";
import { decodeTiff } from "../../../../../model/images/codecs/tiff/decoder.ts";
import { readLayout } from "../../../../../model/images/codecs/tiff/directory.ts";
import { assertDamageIsFound, assertReadAsByPillow, assertRefused, bytesOf, type Codec } from "../format_fixtures.ts";

const TIFF: Codec = { size: readLayout, decode: (bytes) => decodeTiff(bytes, readLayout(bytes)) };
const SHORT = 3, LONG = 4;

Deno.test("every kind of TIFF is read as Pillow reads it", () => assertReadAsByPillow(".tif", TIFF));

Deno.test("a damaged TIFF is read as Pillow reads it or refused", () => assertDamageIsFound(".tif", TIFF));

/** A little-endian TIFF of one directory, followed by data at the returned offset. */
function tiff(
  tags: [tag: number, type: number, count: number, value: number][],
  data: Uint8Array,
): [Uint8Array, number] {
  const start = 8 + 2 + 12 * tags.length + 4;
  const bytes = new Uint8Array(start + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0, 8]);
  view.setUint16(8, tags.length, true);
  tags.forEach(([tag, type, count, value], i) => {
    view.setUint16(10 + 12 * i, tag, true);
    view.setUint16(12 + 12 * i, type, true);
    view.setUint32(14 + 12 * i, count, true);
    view.setUint32(18 + 12 * i, value, true);
  });
  bytes.set(data, start);
  return [bytes, start];
}

/** Tags of a gray picture. */
const gray = (width: number, height: number, compression: number): [number, number, number, number][] => [
  [256, LONG, 1, width],
  [257, LONG, 1, height],
  [258, SHORT, 1, 8],
  [259, SHORT, 1, compression],
  [262, SHORT, 1, 1],
];

Deno.test("readLayout() reads the orientation of a TIFF", () => {
  const tags: [number, number, number, number][] = [...gray(1, 1, 1), [273, LONG, 1, 8]];
  assertEquals(readLayout(tiff(tags, new Uint8Array())[0]).orientation, 1);
  for (const orientation of [1, 6, 8]) {
    const [bytes] = tiff([...tags, [274, SHORT, 1, orientation]], new Uint8Array());
    assertEquals(readLayout(bytes).orientation, orientation);
  }
});

Deno.test("errors name unsupported features of a TIFF", async () => {
  const refused = async (reason: string, ...changes: [number, number, number, number][]) => {
    const tags = new Map(gray(1, 1, 1).map((tag) => [tag[0], tag]));
    for (const tag of changes) tags.set(tag[0], tag);
    await assertRefused(TIFF, tiff([...tags.values()], new Uint8Array())[0], reason);
  };
  await refused("compressed with JPEG", [259, SHORT, 1, 7]);
  await refused("compressed with CCITT fax", [259, SHORT, 1, 4]);
  await refused("compressed with compression 999", [259, SHORT, 1, 999]);
  await refused("samples of 16 bits, save it with 8 bits a channel", [258, SHORT, 1, 16]);
  await refused("floating-point samples", [339, SHORT, 1, 3]);
  await refused("YCbCr, save it as RGB", [262, SHORT, 1, 6]);
  await refused("CIE L*a*b*, save it as RGB", [262, SHORT, 1, 8]);
  await refused("a size of 0×1 pixels", [256, SHORT, 1, 0]);
  await refused("0 offsets and 0 lengths of blocks, expected 1", [273, SHORT, 0, 0], [324, SHORT, 0, 0], [
    322,
    SHORT,
    1,
    1,
  ], [323, SHORT, 1, 1]);
  await assertRefused(TIFF, bytesOf("rgb.tif").slice(0, 100), "this TIFF is cut short after 100 bytes");
});

Deno.test("strips that all share the same data are refused before they take hours", async () => {
  const rows = 60000;
  const bomb = new Uint8Array(
    await new Response(
      new Blob([new Uint8Array(2 ** 26)]).stream().pipeThrough(new CompressionStream("deflate")),
    ).arrayBuffer(),
  );
  const tags = gray(1, rows, 8);
  const data = new Uint8Array(8 * rows + bomb.length);
  const [, start] = tiff([...tags, [273, LONG, 0, 0], [278, LONG, 1, 1], [279, LONG, 0, 0]], data);
  new Uint32Array(data.buffer, 0, rows).fill(start + 8 * rows);
  new Uint32Array(data.buffer, 4 * rows, rows).fill(bomb.length);
  data.set(bomb, 8 * rows);
  const [bytes] = tiff(
    [...tags, [273, LONG, rows, start], [278, LONG, 1, 1], [279, LONG, rows, start + 4 * rows]],
    data,
  );
  await assertRefused(TIFF, bytes, "bytes together, the file has");
});

Deno.test("a tile far larger than the picture is refused before memory is allocated for it", async () => {
  const [bytes] = tiff([...gray(1, 1, 5), [322, LONG, 1, 65536], [323, LONG, 1, 65536], [324, LONG, 1, 8], [
    325,
    LONG,
    1,
    8,
  ]], new Uint8Array());
  await assertRefused(TIFF, bytes, "tiles of 65536×65536 pixels, far more than its 1×1");
});
