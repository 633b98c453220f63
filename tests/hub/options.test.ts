/** Unknown options. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkOptions,
  openHubModel,
  openLocalModel,
  openModel,
  type OptionNames,
  pickOptions,
  pushToHub,
  saveLocalModel,
} from "../../hub/mod.ts";

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
  assertEquals(refusal("float16"), 'Cannot encode: expected an object of options, found "float16"');
  assertEquals(refusal([{ dtype: "float16" }]).split(", found ")[0], "Cannot encode: expected an object of options");
  assertEquals(refusal(0).split(", found ")[0], "Cannot encode: expected an object of options");
});

Deno.test("pickOptions keeps the named options alone", () => {
  const options = { dtype: "float16", device: "wasm", cacheDir: undefined };
  assertEquals<object>(pickOptions<Options>(options, NAMES), { dtype: "float16", cacheDir: undefined });
});

Deno.test("opening, saving and pushing refuse unknown options before they do anything", async () => {
  const calls: [() => Promise<unknown>, string][] = [
    [() => openModel("owner/name", { cache_dir: "/none" } as object), 'did you mean "cacheDir"?'],
    [() => openModel("./none", { local_files_only: true } as object), 'did you mean "localFilesOnly"?'],
    [() => openHubModel("owner/name", { hubURL: "none" } as object), 'did you mean "hubUrl"?'],
    [() => openLocalModel("./none", { sub_folder: "vqvae" } as object), 'did you mean "subfolder"?'],
    [() => saveLocalModel("./none", "{}", [], { max_shard_size: "5GB" } as object), 'did you mean "maxShardSize"?'],
    [() => pushToHub("owner/name", "./none", { commit_message: "Try" } as object), 'did you mean "commitMessage"?'],
  ];
  for (const [call, message] of calls) await assertRejects(call, TypeError, message);
});
