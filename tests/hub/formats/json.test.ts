/** The cost of untrusted JSON. */
import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { findDuplicateKey, parseJson } from "../../../hub/formats/json.ts";
import { bytesOf } from "../files.ts";

const parse = (text: string) => parseJson(bytesOf(text), "Cannot read it", RangeError);

Deno.test("parseJson reads what JSON.parse reads", () => {
  const text = '{"a\\"]": [1, -2.5e3, "[[[\\\\", {"b": null}], "ä": [[], {}, true]}';
  assertEquals(parse(text), JSON.parse(text));
  assertEquals([parse("1"), parse('"a"'), parse(`${"[".repeat(64)}${"]".repeat(64)}`) !== undefined], [1, "a", true]);
});

Deno.test("parseJson says what it found instead of JSON, without control characters", () => {
  const { message, cause } = assertThrows(() => parse('{"a": \x1b[2J}'), RangeError, "Cannot read it: expected JSON");
  assertEquals([message, (cause as Error).message].map((text) => text.includes("\x1b")), [false, false]);
  for (const text of ["", "{", '"', '"\\', "[1]]", "]", "}".repeat(100), "nul"]) {
    assertThrows(() => parse(text), RangeError);
  }
  assertThrows(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), "Cannot read it", RangeError), RangeError, "in UTF-8");
});

Deno.test("parseJson refuses texts with too many parts or levels without delay", () => {
  const started = performance.now();
  for (const [open, close] of [["[", "]"], ['{"a":', "}"]]) {
    for (const depth of [65, 10_000, 5_000_000]) {
      assertThrows(() => parse(`${open.repeat(depth)}1${close.repeat(depth)}`), RangeError, "at most 64 deep");
    }
  }
  for (const part of ["[]", "{}", '""', '{"":0}']) {
    assertThrows(() => parse(`[${`${part},`.repeat(1_400_000)}0]`), RangeError, "at most 500000 arrays, objects and");
  }
  assertThrows(() => parseJson(new Uint8Array(100_000_001), "Cannot read it", RangeError), RangeError, "bytes, found");
  assertLess(performance.now() - started, 3000);
});

Deno.test("parseJson accepts millions of numbers", () => {
  assertEquals((parse(`[[${"1,".repeat(3_000_000)}2]]`) as number[][])[0].length, 3_000_001);
});

Deno.test("findDuplicateKey finds keys that occur twice in the two outermost levels, in any spelling", () => {
  const find = (text: string) => findDuplicateKey(bytesOf(text));
  assertEquals(find('{"a": 1, "b": {"a": 1}, "c": {"a": "a"}, "d": ["a", "a"]}'), undefined);
  assertEquals(find('{"a": {"x": 1}, "b": 1, "\\u0061" : 2}'), "a");
  assertEquals(find('{"a": {"x": 1, "ä": [1, {"y": 1}], "ä":2}}'), "ä");
  assertEquals(find('{"a": {"x": {"y": 1, "y": 2}}}'), undefined);
});
