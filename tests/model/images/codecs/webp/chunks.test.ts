import { assertEquals, assertThrows } from "@std/assert";
import { readWebp } from "../../../../../model/images/codecs/webp/chunks.ts";

type Chunk = [type: string, data: readonly number[]];

const ANIMATED = 0x02, EXIF = 0x08;
const ANIM: Chunk = ["ANIM", [0, 0, 0, 0, 0, 0]];

function uint24(value: number): number[] {
  return [value & 255, value >> 8 & 255, value >> 16];
}

/** Consecutive chunks. */
function chunks(...list: Chunk[]): number[] {
  return list.flatMap(([type, data]) => [
    ...new TextEncoder().encode(type),
    ...uint24(data.length),
    0,
    ...data,
    ...data.length % 2 ? [0] : [],
  ]);
}

function file(...list: Chunk[]): Uint8Array {
  return Uint8Array.from(chunks(["RIFF", [...new TextEncoder().encode("WEBP"), ...chunks(...list)]]));
}

function header(flags: number, width: number, height: number): Chunk {
  return ["VP8X", [flags, 0, 0, 0, ...uint24(width - 1), ...uint24(height - 1)]];
}

/** The beginning of lossy data, as far as readWebp() reads it. */
function lossy(width: number, height: number): Chunk {
  return ["VP8 ", [0, 0, 0, 0x9d, 0x01, 0x2a, width, 0, height, 0]];
}

function animationFrame(x: number, y: number, ...list: Chunk[]): Chunk {
  return ["ANMF", [...uint24(x / 2), ...uint24(y / 2), ...Array(10).fill(0), ...chunks(...list)]];
}

Deno.test("readWebp() reads the size of a picture, and EXIF if the header announces it", () => {
  const exif: Chunk = ["EXIF", [1, 2, 3]];
  assertEquals(readWebp(file(lossy(7, 5))).frame.width, 7);
  assertEquals(readWebp(file(lossy(7, 5), exif)).exif, undefined);
  assertEquals(readWebp(file(header(0, 7, 5), lossy(7, 5), exif)).exif, undefined);
  const { width, height, exif: found } = readWebp(file(header(EXIF, 7, 5), lossy(7, 5), exif));
  assertEquals([width, height, ...found!], [7, 5, 1, 2, 3]);
});

Deno.test("readWebp() finds the first frame of an animation, by the size of its data", () => {
  const frames = [animationFrame(2, 4, ["ALPH", [0]], lossy(3, 3)), animationFrame(0, 0, lossy(9, 8))];
  const { width, height, frame } = readWebp(file(header(ANIMATED, 9, 8), ANIM, ...frames));
  assertEquals([width, height, frame.x, frame.y, frame.width, frame.height], [9, 8, 2, 4, 3, 3]);
  assertEquals(frame.chunks.length, 2);
});

Deno.test("readWebp() refuses what libwebp's demuxer refuses", () => {
  const frame = animationFrame(0, 0, lossy(3, 3));
  const refused: Chunk[][] = [
    [],
    [["VP8X", [0, 0, 0, 0, 6, 0, 0, 4, 0, 0, 0, 0]], lossy(7, 5)],
    [["ABCD", []], header(0, 3, 3), lossy(3, 3)],
    [header(0, 3, 3)],
    [header(0, 3, 4), lossy(3, 3)],
    [header(0x40, 3, 3), lossy(3, 3)],
    [header(0, 3, 3), header(0, 3, 3), lossy(3, 3)],
    [header(0, 3, 3), lossy(3, 3), lossy(3, 3)],
    [header(0, 3, 3), lossy(3, 3), ["ALPH", [0]]],
    [header(ANIMATED, 3, 3), lossy(3, 3)],
    [header(ANIMATED, 3, 3), ANIM],
    [header(ANIMATED, 3, 3), frame],
    [header(ANIMATED, 3, 3), frame, ANIM],
    [header(ANIMATED, 3, 3), ANIM, frame, animationFrame(2, 0, lossy(3, 3))],
    [header(ANIMATED, 3, 3), ANIM, frame, animationFrame(0, 0)],
  ];
  for (const list of refused) assertThrows(() => readWebp(file(...list)), TypeError, "damaged");
  const whole = file(header(0, 3, 3), lossy(3, 3), ["EXIF", [1, 2, 3]]);
  for (let length = 0; length < whole.length; length++) {
    const cut = whole.slice(0, length);
    assertThrows(() => readWebp(cut), TypeError, "cut short");
    if (length < 12) continue;
    new DataView(cut.buffer).setUint32(4, length - 8, true);
    const endsWithChunk = length === whole.length - 12;
    if (!endsWithChunk) assertThrows(() => readWebp(cut), TypeError, "damaged");
  }
});

Deno.test("readWebp() ignores bytes after the file", () => {
  assertEquals(readWebp(Uint8Array.of(...file(lossy(7, 5)), 1, 2, 3)).width, 7);
});

Deno.test("readWebp() ignores bytes after the single chunk of a simple file", () => {
  assertEquals(readWebp(file(lossy(7, 5), ["abcd", [1, 2, 3]]).with(40, 99)).frame.width, 7);
});
