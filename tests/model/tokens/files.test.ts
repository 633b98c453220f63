/** Token files of Python, our own, and invalid ones. The files of Python are made by fixtures/tokens/make.py. */
import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { zipSync } from "fflate";
import {
  type Codebook,
  decodeTokens,
  type DecodeTokensOptions,
  encodeTokens,
  type EncodeTokensOptions,
  readTokens,
  saveTokens,
  type TokenDType,
  type TokenFormat,
  type Tokens,
} from "../../../mod.ts";
import { encodeNpyHeader, encodeNpyTexts, openSafetensors, sourceOfBytes } from "../../../hub/mod.ts";
import { pickleOf, push, torchFile } from "../../hub/files.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture } from "../../support/paths.ts";

const FOLDER = fixture("tokens");
/** The content of all files: `i * 5 % 128`, as two pictures of 3×4 tokens. */
const INDICES = Int32Array.from({ length: 24 }, (_, i) => i * 5 % 128);
const SHAPE = [2, 3, 4] as const;
const TOKENS: Tokens = { indices: INDICES, shape: SHAPE };
const CODEBOOK: Codebook = { hash: "ab".repeat(32), model: "owner/näme" };
const FORMATS: TokenFormat[] = ["json", "npy", "npz", "safetensors", "pt"];
const TYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"];

const WHOLE = [
  ...TYPES.flatMap((type) => [`${type}.npy`, `${type}.safetensors`]),
  ...TYPES.filter((type) => !type.endsWith("1")).map((type) => `big-${type}.npy`),
  ...["fortran.npy", "version-1.npy", "version-2.npy", "version-3.npy"],
  ...["stored.npz", "deflated.npz", "named.npz", "alone.npz", "nested.json", "named.safetensors"],
  ...[
    "tensor.pt",
    "u1.pt",
    "i1.pt",
    "i2.pt",
    "i4.pth",
    "strided.pt",
    "part.pt",
    "dictionary.pt",
    "named.pt",
    "legacy.pt",
  ],
];

Deno.test("token files of numpy, torch, safetensors and json are read, by name and by their bytes", async () => {
  for (const name of WHOLE) {
    const path = join(FOLDER, name);
    assertEquals(await readTokens(path), TOKENS, name);
    assertEquals(await decodeTokens(await Deno.readFile(path)), TOKENS, name);
  }
});

Deno.test("tokens of one picture, and flattened ones with a grid, are read", async () => {
  const first = { indices: INDICES.slice(0, 12), shape: [1, 3, 4] as const };
  const read = (name: string, grid?: [number, number]) => readTokens(join(FOLDER, name), { grid });
  for (const name of ["grid.npy", "nested-grid.json"]) assertEquals(await read(name), first, name);
  for (const name of ["row.npy", "one-row.npy", "grid.npy"]) assertEquals(await read(name, [3, 4]), first, name);
  assertEquals(await read("rows.npy", [3, 4]), TOKENS);
  assertEquals((await read("one-row.npy", [1, 12])).shape, [1, 1, 12]);

  for (const name of ["row.npy", "one-row.npy", "rows.npy"]) {
    await assertRejects(() => read(name), RangeError, "--grid HxW");
  }
  await assertRejects(() => read("row.npy", [5, 4]), RangeError, "a grid of 5×4 takes 20 indices a picture, found 12");
  await assertRejects(
    () => read("i8.npy", [4, 3]),
    RangeError,
    "expected indices of shape [2,4,3], found [2,3,4]",
  );
  await assertRejects(() => read("row.npy", [0, 4]), RangeError, "grid must be [h, w]");
});

const TWO_DIMENSIONS: [shape: [number, number], isOne: boolean][] = [
  ...[[1, 1], [4, 4], [16, 16], [64, 64], [256, 256], [16, 24], [24, 16], [9, 16], [4, 16], [12, 48], [48, 12]]
    .map((shape) => [shape, true] as [[number, number], boolean]),
  ...[[3, 64], [64, 256], [16, 64], [100, 256], [48, 64], [2, 12], [3, 96], [96, 3], [24, 1], [1, 24], [1, 64]]
    .map((shape) => [shape, false] as [[number, number], boolean]),
];

Deno.test("an array of two dimensions is one picture, unless its rows may be flattened pictures", async () => {
  for (const [shape, isOne] of TWO_DIMENSIONS) {
    const [h, w] = shape;
    const rows = JSON.stringify(Array(h).fill(Array(w).fill(1)));
    const nested = new TextEncoder().encode(rows);
    for (const bytes of [npyOf(shape), nested, new TextEncoder().encode(`{"shape": [${shape}], "indices": ${rows}}`)]) {
      if (isOne) assertEquals((await decodeTokens(bytes)).shape, [1, h, w]);
      else await assertRejects(() => decodeTokens(bytes), RangeError, "--grid HxW", `${shape}`);
      assertEquals((await decodeTokens(bytes, { grid: shape })).shape, [1, h, w]);
      assertEquals((await decodeTokens(bytes, { grid: [1, w] })).shape, [h, 1, w]);
    }
    if (h > 1) assertEquals((await decodeTokens(npyOf(shape), { isOne: true })).shape, [1, h, w]);
  }
});

Deno.test("rows with as many keys are flattened pictures; one key means one picture", async () => {
  const npz = (keys: string[]) => {
    return zipSync({ "indices.npy": npyOf([16, 16]), "keys.npy": encodeNpyTexts(keys) });
  };
  const sixteen = Array.from({ length: 16 }, (_, i) => `${i}`);
  await assertRejects(() => decodeTokens(npz(sixteen)), RangeError, "16 flattened pictures of 16");
  assertEquals((await decodeTokens(npz(["a"]))).shape, [1, 16, 16]);
});

Deno.test("indices as VectorQuantizer returns them, one a row or in one dimension, take a grid", async () => {
  for (const shape of [[24], [24, 1]]) {
    assertEquals((await decodeTokens(npyOf(shape), { grid: [3, 4] })).shape, [2, 3, 4]);
    await assertRejects(() => decodeTokens(npyOf(shape)), RangeError, "--grid HxW");
  }
});

/** A file of ones. */
function npyOf(shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const ones = new Uint8Array(shape.reduce((product, side) => product * side, 1)).fill(1);
  return Uint8Array.from([...encodeNpyHeader({ descr: "|u1", shape }), ...ones]);
}

Deno.test("the codebook in a file of Python is read", async () => {
  assertEquals((await readTokens(join(FOLDER, "labelled.npz"))).codebook, CODEBOOK);
});

const REFUSED: [name: string, message: string][] = [
  ["bool.npy", "expected integers, found elements of type |b1"],
  ["float.npy", "expected integers, found elements of type <f4"],
  ["complex.npy", "expected integers, found elements of type <c8"],
  ["objects.npy", "expected integers, found elements of type |O"],
  ["fields.npy", "one element type"],
  ["beyond.npy", "index 1099511627776 at position 0 is beyond 32 bits"],
  ["several.npz", "found a, b"],
  ["several.pt", "found a, b"],
  ["several.safetensors", "found a, b"],
  ["float.pt", "expected integers, found elements of type F32"],
  ["float.safetensors", "expected integers, found elements of type F32"],
];

Deno.test("files without tokens are refused, and the message has their name", async () => {
  for (const [name, message] of REFUSED) {
    const path = join(FOLDER, name);
    await assertRejects(() => readTokens(path), Error, `Cannot read tokens from ${path}: `);
    await assertRejects(() => readTokens(path), Error, message);
  }
});

Deno.test("every format returns the written tokens and their codebook", async () => {
  await withFolder(async (folder) => {
    for (const format of FORMATS) {
      const path = join(folder, `tokens.${format}`);
      await saveTokens({ ...TOKENS, codebook: { ...CODEBOOK, codes: 128 } }, path);
      const expected = format === "npy" ? TOKENS : { ...TOKENS, codebook: CODEBOOK };
      assertEquals(await readTokens(path), expected, format);
      const bytes = await Deno.readFile(path);
      for (const source of [bytes, bytes.buffer, new Blob([bytes]), new File([bytes], path)]) {
        assertEquals(await readTokens(source), expected, format);
      }
    }
  });
});

/** The type of a file's elements, from its header. */
async function typeIn(format: TokenFormat, bytes: Uint8Array): Promise<string | undefined> {
  const text = new TextDecoder("latin1").decode(bytes);
  if (format === "safetensors") return (await openSafetensors(sourceOfBytes(bytes, ""))).tensors.get("indices")?.dtype;
  return (format === "pt" ? /torch\n(\w+)Storage\n/ : /'descr': '([^']+)'/).exec(text)?.[1];
}

const SMALLEST: [codes: number | undefined, numpy: string, safetensors: string, torch: string][] = [
  [128, "|u1", "U8", "Byte"],
  [256, "|u1", "U8", "Byte"],
  [257, "<u2", "U16", "Short"],
  [32768, "<u2", "U16", "Short"],
  [32769, "<u2", "U16", "Int"],
  [65536, "<u2", "U16", "Int"],
  [65537, "<i4", "I32", "Int"],
  [undefined, "<i4", "I32", "Int"],
];

Deno.test("tokens are written in the smallest type for the codebook, for torch in one that every version has", async () => {
  for (const [codes, numpy, safetensors, torch] of SMALLEST) {
    const tokens = { ...TOKENS, codebook: { ...CODEBOOK, codes } };
    const types = { npy: numpy, npz: numpy, safetensors, pt: torch };
    for (const [format, type] of Object.entries(types) as [TokenFormat, string][]) {
      assertEquals(await typeIn(format, encodeTokens(tokens, format)), type, `${format} of ${codes} codes`);
    }
  }
});

Deno.test("tokens are written in any integer type that the format has and that holds the numbers", async () => {
  const dtypes: TokenDType[] = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"];
  for (const dtype of dtypes) {
    for (const format of FORMATS) {
      const encode = () => encodeTokens(TOKENS, format, { dtype });
      const lacks = format === "json" || format === "pt" && /uint(16|32|64)/.test(dtype);
      if (lacks) assertThrows(encode, TypeError, dtype);
      else assertEquals(await decodeTokens(encode()), TOKENS, `${dtype} in ${format}`);
    }
  }
  const far = { indices: [[0, 200], [3, 4]] };
  assertThrows(
    () => encodeTokens(far, "npy", { dtype: "int8" }),
    RangeError,
    "int8 does not hold index 200 at position 1",
  );
  assertThrows(() => encodeTokens(TOKENS, "npy", { dtype: "float32" as "int8" }), TypeError, "found float32");
  assertThrows(() => encodeTokens(TOKENS, "csv" as "npy"), TypeError, "expected format json, npy, npz");
  const few = { ...TOKENS, codebook: { ...CODEBOOK, codes: 24 } };
  assertThrows(() => encodeTokens(few, "npy"), RangeError, "index 25 at position 5 is not in the codebook");
});

Deno.test("unknown options are refused, and the message names the nearest known one", async () => {
  const tokens = { indices: [1, 2], shape: [1, 1, 2] };
  const types = { d_type: "int64" } as EncodeTokensOptions;
  const bytes = encodeTokens(tokens, "npy");
  const grid = { gird: [1, 2] } as DecodeTokensOptions;
  assertThrows(() => encodeTokens(tokens, "npy", types), TypeError, 'unknown option "d_type"; did you mean "dtype"?');
  await assertRejects(() => saveTokens(tokens, "no such folder/a.npy", types), TypeError, 'did you mean "dtype"?');
  await assertRejects(() => decodeTokens(bytes, grid), TypeError, 'did you mean "grid"?');
  await assertRejects(() => readTokens("no such file.npy", grid), TypeError, 'did you mean "grid"?');
});

Deno.test("the same tokens make the same bytes", () => {
  for (const format of FORMATS) assertEquals(encodeTokens(TOKENS, format), encodeTokens(TOKENS, format));
});

Deno.test("the extension determines the format, and an unknown one is refused before anything is written", async () => {
  await withFolder(async (folder) => {
    for (const name of ["tokens.csv", "tokens", "tokens.png", ".npy", "tokens.npy.bak"]) {
      const path = join(folder, name);
      await assertRejects(() => saveTokens(TOKENS, path), TypeError, ".json, .npy, .npz, .safetensors, .pt, .pth");
    }
    assertEquals([...Deno.readDirSync(folder)], []);
    await Deno.writeFile(join(folder, "tokens.csv"), encodeTokens(TOKENS, "json"));
    await assertRejects(() => readTokens(join(folder, "tokens.csv")), TypeError, ".json, .npy");
    await Deno.writeFile(join(folder, "tokens"), encodeTokens(TOKENS, "pt"));
    assertEquals(await readTokens(join(folder, "tokens")), TOKENS);
    await saveTokens(TOKENS, join(folder, "TOKENS.NPY"));
    assertEquals(await readTokens(join(folder, "TOKENS.NPY")), TOKENS);
    await Deno.writeFile(join(folder, "false.npy"), encodeTokens(TOKENS, "json"));
    await assertRejects(() => readTokens(join(folder, "false.npy")), TypeError, "expected the bytes of a .npy file");
    await assertRejects(() => readTokens(join(folder, "none.npy")), TypeError, "none.npy");
    await assertRejects(() => saveTokens(TOKENS, join(folder, "none/t.npy")), TypeError, "Cannot save tokens as");
  });
  await assertRejects(() => readTokens({ length: 3 } as unknown as Uint8Array), TypeError, "expected a path");
});

const JSONS: [text: string, shape: number[], grid?: [number, number]][] = [
  ['{"shape": [1, 2, 3], "indices": [1, 2, 3, 4, 5, 6]}', [1, 2, 3]],
  ['{"shape": [2, 3], "indices": [1, 2, 3, 4, 5, 6]}', [1, 2, 3]],
  ['{"shape": [1, 2, 3], "indices": [[1, 2, 3], [4, 5, 6]]}', [1, 2, 3]],
  ['{"shape": [2, 1, 3], "indices": [[1, 2, 3], [4, 5, 6]]}', [2, 1, 3]],
  ['{"indices": [[[1, 2, 3], [4, 5, 6]]], "codebook": 8192}', [1, 2, 3]],
  ["\ufeff [[1, 2, 3], [4, 5, 6]]\n", [1, 2, 3]],
  ["[[1, 2, 3, 4, 5, 6]]", [1, 3, 2], [3, 2]],
  ["[1, 2, 3, 4, 5, 6]", [3, 2, 1], [2, 1]],
  ['{"shape": [6], "indices": [1, 2, 3, 4, 5, 6]}', [1, 3, 2], [3, 2]],
];

Deno.test("JSON may nest its indices or state their shape", async () => {
  for (const [text, shape, grid] of JSONS) {
    const { indices, ...rest } = await decodeTokens(new TextEncoder().encode(text), { grid });
    assertEquals([...indices], [1, 2, 3, 4, 5, 6], text);
    assertEquals(rest, { shape: shape as [number, number, number] }, text);
  }
});

const NO_JSON = [
  "{}",
  "null",
  "[]",
  "[[], []]",
  "[[[[1]]]]",
  "[[1, 2], [3]]",
  "[[1, 2], 3]",
  "[1, [2]]",
  '["1", "2"]',
  "[[1.5, 2]]",
  "[[null, 2]]",
  "[[1e400, 2]]",
  "[[4294967296], [2]]",
  '{"indices": {"length": 1000000000}, "shape": [1, 1, 1000000000]}',
  '{"indices": "12", "shape": [1, 1, 2]}',
  '{"indices": [1, 2], "shape": [1, 1, 3]}',
  '{"indices": [1, 2], "shape": [1, 1, -2]}',
  '{"indices": [1, 2], "shape": "[1, 1, 2]"}',
  '{"indices": [1, 2, 3, 4], "shape": [[2], "2"]}',
  '{"indices": [1, 2, 3, 4], "shape": ["4"]}',
  `{"indices": [1, 2], "shape": ${"[".repeat(50)}${"]".repeat(50)}}`,
  `{"indices": [1, 2], "shape": ${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
  `{"indices": [1, 2], "shape": [${"1,".repeat(1_000_000)}1]}`,
  `{"indices": [1, 2], "model": {"a": ${"[".repeat(100)}${"]".repeat(100)}}}`,
  '{"indices": [[1, 2], [3, 4]], "shape": [1, 4, 1]}',
];

Deno.test("JSON without tokens is refused", async () => {
  for (const text of NO_JSON) {
    const error = await assertRejects(() => decodeTokens(new TextEncoder().encode(text), { format: "json" }), Error);
    assert(error instanceof TypeError || error instanceof RangeError, text);
    assertMatch(error.message, /^Cannot read tokens: /);
    assert(error.message.length < 500, text);
  }
});

Deno.test("torch files hold a tensor or a dictionary, and run no code", async () => {
  const refuses = async (value: string | Uint8Array, message: string) => {
    const file = await torchFile(pickleOf(value), { 0: new Uint8Array(8) });
    await assertRejects(() => decodeTokens(file), TypeError, message);
  };
  await refuses(push.int(5), "expected a tensor, or a dictionary with one");
  await refuses("}", "found none");
  await refuses(push.global("os", "system"), "os.system");
  const tensor = push.tensor(push.storage("LongStorage", "0", 1), 0, [1, 3000, 3000], [0, 0, 0]);
  const file = await torchFile(pickleOf(tensor), { 0: new Uint8Array(8) });
  await assertRejects(() => decodeTokens(file), RangeError, "repeats only 1 stored elements");
});

Deno.test("damaged files are refused with a message, whatever their bytes", async () => {
  let state = 1;
  const below = (limit: number) => (state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 >>> 0) % limit;
  for (const format of FORMATS) {
    const file = encodeTokens({ ...TOKENS, codebook: CODEBOOK }, format);
    for (let round = 0; round < 500; round++) {
      const bytes = file.slice(0, round % 4 ? file.length : below(file.length));
      for (let changes = below(3); changes >= 0; changes--) bytes[below(bytes.length)] = below(256);
      await decodeTokens(bytes, { format }).catch((error) => {
        if (!(error instanceof RangeError)) assertInstanceOf(error, TypeError, `${format}, round ${round}`);
        assertMatch(error.message, /^Cannot read tokens: /);
      });
    }
  }
});
