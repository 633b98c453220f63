/** Unknown options of any function. */
import { assertEquals, assertThrows } from "@std/assert";
import { checkOptions, type OptionNames, pickOptions } from "../../hub/check_options.ts";

interface Options {
  doNormalize?: boolean;
  forceNotQuantize?: boolean;
  dtype?: string;
  cacheDir?: string;
}

const NAMES: OptionNames<Options> = { doNormalize: true, forceNotQuantize: true, dtype: true, cacheDir: true };

function refusal(options: unknown): string {
  return assertThrows(() => checkOptions("encode", options, NAMES), TypeError).message;
}

Deno.test("known options, and unknown ones that are undefined, are accepted", () => {
  checkOptions("encode", undefined, NAMES);
  checkOptions("encode", {}, NAMES);
  checkOptions("encode", { dtype: "float32", doNormalize: undefined, do_normalize: undefined }, NAMES);
});

for (
  const [written, known] of [
    ["do_normalize", "doNormalize"],
    ["do-normalize", "doNormalize"],
    ["donormalize", "doNormalize"],
    ["force_not_quantize", "forceNotQuantize"],
    ["forceNotQuantise", "forceNotQuantize"],
    ["dytpe", "dtype"],
    ["dtyp", "dtype"],
    ["torch_dtype", "dtype"],
    ["cache", "cacheDir"],
  ]
) {
  Deno.test(`${written} is taken for ${known}`, () => {
    assertEquals(refusal({ [written]: 1 }), `Cannot encode: unknown option "${written}"; did you mean "${known}"?`);
  });
}

Deno.test("an option that resembles no known one is refused with a list of the known ones", () => {
  for (const name of ["x", "revision", "toString", "__proto__x", "dt", "d".repeat(1e6)]) {
    const message = refusal({ [name]: 1 });
    assertEquals(message.split("; ")[1], "expected one of doNormalize, forceNotQuantize, dtype, cacheDir");
    assertEquals(message.length < 500, true);
  }
});

Deno.test("options that are not an object are refused", () => {
  assertEquals(refusal(null), "Cannot encode: expected an object of options, found null");
  assertEquals(refusal("hf_token"), "Cannot encode: expected an object of options, found a string");
  assertEquals(refusal([{ dtype: "float16" }]), "Cannot encode: expected an object of options, found an array");
  assertEquals(refusal(0), "Cannot encode: expected an object of options, found a number");
});

Deno.test("a name with control or invisible characters is made printable", () => {
  assertEquals(refusal({ "x\x1b[2J\u202e": 1 }).split("; ")[0], 'Cannot encode: unknown option "x\\x1b[2J\\u{202e}"');
});

Deno.test("pickOptions keeps the named options alone", () => {
  const options = { dtype: "float16", device: "wasm", cacheDir: undefined };
  assertEquals<object>(pickOptions<Options>(options, NAMES), { dtype: "float16", cacheDir: undefined });
});
