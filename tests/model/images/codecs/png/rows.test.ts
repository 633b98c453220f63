import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeRows,
  filteredBytes,
  type PngLayout,
  type ReadRows,
} from "../../../../../model/images/codecs/png/rows.ts";
import { isOpaque, readCases, sha256Of } from "../../synthetic_pictures.ts";

interface Case {
  layout: PngLayout;
  passes: [rows: number, rowBytes: number][];
  /** Bytes of the palette. */
  palette: number;
  seed: number;
  sha256: string;
}

for (const [colour, cases] of Map.groupBy(readCases<Case>("png_rows.json"), ({ layout }) => layout.colour)) {
  Deno.test(`decodeRows() gives PIL's bytes of rows of colour type ${colour}`, () => {
    for (const { layout, passes, palette, seed, sha256 } of cases) {
      const filtered = rows(passes, seed);
      assertEquals(filteredBytes(layout), filtered.length);
      const picture = decodeRows(reading(filtered), layout, generate(seed + 1, palette));
      assertEquals(sha256Of(picture), sha256, JSON.stringify(layout));
      assert(isOpaque(picture));
    }
  });
}

Deno.test("decodeRows() makes indices beyond the palette grays", () => {
  const layout = { width: 3, height: 1, depth: 8, colour: 3, interlaced: false };
  const { data } = decodeRows(reading(Uint8Array.of(0, 0, 1, 200)), layout, Uint8Array.of(7, 8, 9, 10, 11));
  assertEquals([...data], [7, 8, 9, 255, 1, 1, 1, 255, 200, 200, 200, 255]);
});

Deno.test("decodeRows() clips gray of 16 bits, and keeps the high bytes of colours", () => {
  const gray = { width: 3, height: 1, depth: 16, colour: 0, interlaced: false };
  assertEquals(decodeRows(reading(Uint8Array.of(0, 0, 5, 0, 255, 1, 0)), gray).data[0], 5);
  assertEquals([...decodeRows(reading(Uint8Array.of(0, 0, 5, 0, 255, 1, 0)), gray).data.slice(4)], Array(8).fill(255));
  const rgb = { ...gray, width: 1, colour: 2 };
  assertEquals([...decodeRows(reading(Uint8Array.of(0, 1, 9, 2, 9, 3, 9)), rgb).data], [1, 2, 3, 255]);
});

Deno.test("decodeRows() names an unknown filter, in any band of rows", () => {
  const layout = { width: 1000, height: 500, depth: 8, colour: 0, interlaced: false };
  for (const row of [0, 1, 499]) {
    const filtered = new Uint8Array(filteredBytes(layout));
    filtered[row * 1001] = 5;
    assertThrows(() => decodeRows(reading(filtered), layout), TypeError, "has filter 5, expected 0 to 4");
  }
});

Deno.test("decodeRows() takes pictures one pixel wide or high and a million pixels long", () => {
  for (const interlaced of [false, true]) {
    for (const [width, height] of [[1, 1e6], [1e6, 1]]) {
      const layout = { width, height, depth: 1, colour: 0, interlaced };
      const { data } = decodeRows(reading(new Uint8Array(filteredBytes(layout))), layout);
      assertEquals(data.findIndex((byte, i) => byte !== (i % 4 === 3 ? 255 : 0)), -1);
    }
  }
});

/** Reads consecutive pieces of bytes. */
function reading(bytes: Uint8Array): ReadRows {
  let at = 0;
  return (out) => {
    out.set(bytes.subarray(at, at + out.length));
    at += out.length;
  };
}

/** Rows with all filters in turn. */
function rows(passes: Case["passes"], seed: number): Uint8Array<ArrayBuffer> {
  const out = generate(seed, passes.reduce((sum, [count, rowBytes]) => sum + count * (1 + rowBytes), 0));
  let at = 0;
  for (const [count, rowBytes] of passes) {
    for (let row = 0; row < count; row++, at += 1 + rowBytes) out[at] = row % 5;
  }
  return out;
}

/** About half of the bytes are 0, the others the high bytes of a linear congruential generator. */
function generate(seed: number, count: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state & 0x10000 ? state >>> 24 : 0;
  });
}
