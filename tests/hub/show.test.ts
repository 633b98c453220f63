/** Untrusted text and values in messages. */
import { assertEquals, assertLess } from "@std/assert";
import { HubError, WeightsError } from "../../hub/mod.ts";
import { keepSecret, printable, show, showText } from "../../hub/show.ts";

Deno.test("control, bidirectional and invisible characters are escaped", () => {
  assertEquals(printable("a\x1b[2Jb\x07\x7f\x9b31m\r\nc\0"), "a\\x1b[2Jb\\x07\\x7f\\x9b31m\\x0d\\nc\\x00");
  assertEquals(printable("\u202egnp.exe\u2066\u200b\ufeff"), "\\u{202e}gnp.exe\\u{2066}\\u{200b}\\u{feff}");
  assertEquals(printable("\u2028\u2029\ud800 \u{e0001}"), "\\u{2028}\\u{2029}\\u{d800} \\u{e0001}");
  assertEquals(printable("häßlich 名前 👍 C:\\x\\n"), "häßlich 名前 👍 C:\\x\\n");
});

Deno.test("of a URL, host and path are shown, but neither password nor query", () => {
  const text = "at (https://me:p@ss@h.example:8443/a/b?X-Signature=KEY&x=1), HTTP://u@[::1]/#frag";
  assertEquals(printable(text), "at (https://h.example:8443/a/b?…), HTTP://[::1]/#…");
  assertEquals(printable("https://h/a s3://me:p@bucket/a?b"), "https://h/a s3://bucket/a?…");
});

Deno.test("secrets are removed, even if a text is shortened in the middle of one", () => {
  keepSecret("");
  keepSecret("hf_verySecret");
  assertEquals(printable("a hf_verySecret, hf_verySecrethf_verySecret"), "a …, ……");
  assertEquals(showText(`${"a".repeat(195)}hf_verySecret`), `${"a".repeat(195)}…`);
  assertEquals(show({ hf_verySecret: ["hf_verySecret"] }), '{"…":["…"]}');
  const error = new HubError("no hf_verySecret", { url: "http://h/hf_verySecret", errorCode: "hf_verySecret" });
  assertEquals([error.message, error.url, error.errorCode], ["no …", "http://h/…", "…"]);
});

Deno.test("texts are shortened, but not within a surrogate pair", () => {
  assertEquals(showText("a".repeat(200)), "a".repeat(200));
  assertEquals(showText("a".repeat(201)), `${"a".repeat(200)}…`);
  assertEquals(showText("a👍b", 2), "a…");
  assertEquals(showText(`${"https://h/?"}${"q".repeat(5000)}`), "https://h/?……");
});

Deno.test("values are shown like JSON", () => {
  assertEquals(show([1, [2, 3n], null, true, undefined, 'a"b\x1b']), '[1,[2,3],null,true,undefined,"a\\"b\\x1b"]');
  assertEquals(show({ a: 1, "b c": { d: [] }, e: {} }), '{"a":1,"b c":{"d":[]},"e":{}}');
  assertEquals([show(Int8Array.of(1, 2)), show(NaN), show(-5n), show("")], ["[1,2]", "NaN", "-5", '""']);
  assertEquals([show(new Map()), show(() => 1), show(new DataView(new ArrayBuffer(8)))], [
    "[object Map]",
    "[object Function]",
    "[object DataView]",
  ]);
});

/** Nested arrays with 2^depth numbers, in memory proportional to the depth. */
function doubled(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value, value];
  return value;
}

Deno.test("large, deep and shared values are shortened without delay", () => {
  const started = performance.now();
  assertEquals(show(doubled(500_000)), show(doubled(5)));
  const object: Record<string, unknown> = {};
  object.itself = object;
  assertEquals(show(object), '{"itself":{"itself":{"itself":{"itself":{…}}}}}');
  for (const value of [new Array(2 ** 32 - 1), new Uint8Array(2 ** 24), "a".repeat(5e7), { a: "b".repeat(5e7) }]) {
    assertLess(show(value).length, 210);
  }
  assertLess(performance.now() - started, 1000);
});

Deno.test("the messages of errors are printable and bounded", () => {
  for (const Failure of [HubError, WeightsError]) {
    assertEquals(new Failure("a\x1b[2J\nb").message, "a\\x1b[2J\\nb");
    assertLess(new Failure("a".repeat(5e7)).message.length, 11_000);
  }
});
