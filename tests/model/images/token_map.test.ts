import { assert, assertEquals, assertThrows } from "@std/assert";
import { Picture, sideBySide, tokenMap } from "../../../model/images/mod.ts";

Deno.test("tokenMap() gives a token the same colour at every position", () => {
  const one = tokenMap(Int32Array.of(3, 900, 3), [1, 3]);
  const other = tokenMap(Int32Array.of(900, 3), [2, 1]);
  assertEquals([one.width, one.height, other.width, other.height], [3, 1, 1, 2]);
  assertEquals(one.data.slice(0, 4), one.data.slice(8));
  assertEquals(one.data.slice(0, 8), Uint8ClampedArray.of(...other.data.slice(4), ...other.data.slice(0, 4)));
});

Deno.test("tokenMap() gives neighbouring codes clearly different colours", () => {
  const { data } = tokenMap(Int32Array.from({ length: 1024 }, (_, i) => i), [32, 32]);
  for (let i = 4; i < data.length; i += 4) {
    const distance = Math.hypot(...[0, 1, 2].map((c) => data[i + c] - data[i + c - 4]));
    assert(distance > 60, `codes ${i / 4 - 1} and ${i / 4} are ${distance} apart`);
  }
  assertEquals(new Set(new Uint32Array(data.buffer)).size, 1024);
});

Deno.test("tokenMap() refuses a wrong number of indices", () => {
  assertThrows(() => tokenMap(new Int32Array(5), [2, 3]), RangeError, "2×3 need 6 indices, found 5");
});

Deno.test("sideBySide() enlarges by nearest neighbour and leaves white between", () => {
  const wide = new Picture(2, 2, new Uint8ClampedArray(16).fill(9));
  const small = new Picture(1, 1, Uint8ClampedArray.of(1, 2, 3, 255));
  const joined = sideBySide([wide, small], { gap: 1 });
  assertEquals([joined.width, joined.height], [5, 2]);
  const row = [...Array(8).fill(9), 255, 255, 255, 255, 1, 2, 3, 255, 1, 2, 3, 255];
  assertEquals([...joined.data], [...row, ...row]);
  assertThrows(() => sideBySide([]), RangeError, "there are none");
  for (const gap of [-1, 1.5, NaN]) assertThrows(() => sideBySide([wide], { gap }), RangeError, `≥ 0, found ${gap}`);
  assertThrows(() => sideBySide([wide], { gaps: 1 } as { gap?: number }), TypeError, 'did you mean "gap"?');
});
