/** Tokens for the model's methods, and tokens of another codebook. */
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { decodeTokens, encodeTokens, Tensor, type TokensLike, VQModel } from "../../../mod.ts";
import { checkpointOf, makeModel, MemoryFiles, take, TINY } from "../models.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture } from "../../support/paths.ts";
import { ANY_DEVICE } from "../../support/engines.ts";

const WASM = { device: "wasm", threads: 1 } as const;
const VALUES = [3, 0, 23, 7, 7, 1, 2, 9, 22, 4, 5, 6];
/** As two pictures of 2×3 tokens. */
const NESTED = [[[3, 0, 23], [7, 7, 1]], [[2, 9, 22], [4, 5, 6]]];
const SHAPE = [2, 2, 3];

const ARRAYS = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
].map((Integers) => Integers.from(VALUES));

const SAME: [name: string, tokens: TokensLike | TokensLike["indices"]][] = [
  ...ARRAYS.map((indices) => [indices.constructor.name, { indices, shape: SHAPE }] as [string, TokensLike]),
  ["BigInt64Array", { indices: BigInt64Array.from(VALUES, BigInt), shape: SHAPE }],
  ["BigUint64Array", { indices: BigUint64Array.from(VALUES, BigInt), shape: SHAPE }],
  ["an array", { indices: VALUES, shape: SHAPE }],
  ["an array of BigInts", { indices: VALUES.map(BigInt), shape: SHAPE }],
  ["nested arrays", { indices: NESTED }],
  ["nested arrays with their shape", { indices: NESTED, shape: SHAPE }],
  ["nested arrays alone", NESTED],
  ["rows", { indices: NESTED.map((rows) => rows.flat()), shape: SHAPE }],
  ["typed rows", NESTED.map((rows) => rows.map((row) => BigInt64Array.from(row, BigInt)))],
  ["shared memory", { indices: shared(VALUES), shape: SHAPE }],
];

function shared(values: number[]): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(4 * values.length));
  array.set(values);
  return array;
}

Deno.test("detokenize takes integers of any type, nested or not, and batches of them", async () => {
  using model = await makeModel(TINY, WASM);
  const expected = await take(await model.detokenize({ indices: Int32Array.from(VALUES), shape: SHAPE }));
  for (const [name, tokens] of SAME) {
    using decoded = await model.detokenize(tokens);
    assertEquals(decoded.shape, [2, 3, 4, 6], name);
    assertEquals(await take(decoded), expected, name);
  }
  assertEquals((await model.detokenize([[1, 2, 3], [4, 5, 6]])).shape, [1, 3, 4, 6]);
});

Deno.test("decode takes such indices with lookup_from_codebook", async () => {
  using model = await makeModel({ ...TINY, lookup_from_codebook: true }, WASM);
  const options = { forceNotQuantize: true, shape: [...SHAPE, 3] };
  const expected = await take((await model.decode(new Tensor(Int32Array.from(VALUES), SHAPE), options)).sample);
  for (const indices of [...ARRAYS, BigInt64Array.from(VALUES, BigInt), VALUES, NESTED]) {
    assertEquals(await take((await model.decode(indices, options)).sample), expected);
  }
  await assertRejects(() => model.decode([24], { ...options, shape: [1, 1, 1, 3] }), RangeError, "index 24");
  await assertRejects(() => model.decode([1, 2], options), RangeError, "takes 12 indices, found 2");
  await assertRejects(() => model.decode([1, 2]), TypeError, "expected a Tensor");
});

const NONE: [tokens: unknown, kind: new () => Error, message: string][] = [
  [undefined, TypeError, "found no such indices"],
  [{ shape: [1, 1, 1] }, TypeError, "found no such indices"],
  [{ indices: { length: 1e9 }, shape: [1, 1, 1e9] }, TypeError, "found no such indices"],
  [{ 0: 1, 1: 2, length: 2 }, TypeError, "found no such indices"],
  [{ indices: { 0: 1, length: 1 }, shape: [1, 1, 1] }, TypeError, "found no such indices"],
  [[{ length: 1e9 }], RangeError, "is ambiguous"],
  [{ indices: [{ length: 1e9 }], shape: [1, 1, 1] }, TypeError, "index of type object at position 0"],
  [[[1, 2], { 0: 1, 1: 2, length: 2 }], TypeError, "expected an array of 2 like those before it"],
  [{ indices: [1], shape: { 0: 1, 1: 1, 2: 1, length: 3 } }, TypeError, "shape must be [n, h, w]"],
  [{ indices: [1], shape: doubled(500_000) }, TypeError, "shape must be [n, h, w], whole numbers ≥ 1, found [[[["],
  [{ indices: "123", shape: [1, 1, 3] }, TypeError, "found no such indices"],
  [{ indices: new Float32Array(4), shape: [1, 2, 2] }, TypeError, "found no such indices"],
  [new DataView(new ArrayBuffer(4)), TypeError, "found no such indices"],
  [{ indices: new Array(1e9), shape: [1, 1, 1e9] }, RangeError, "index of type undefined at position 0"],
  [[new Array(1e9)], RangeError, "is ambiguous"],
  [{ indices: [1, 2], shape: [1, 1, 2 ** 40] }, RangeError, "takes 1099511627776 indices, found 2"],
  [{ indices: [1.5], shape: [1, 1, 1] }, RangeError, "index 1.5 at position 0"],
  [{ indices: ["1"], shape: [1, 1, 1] }, RangeError, "index of type string at position 0"],
  [{ indices: BigUint64Array.of(2n ** 64n - 1n), shape: [1, 1, 1] }, RangeError, "index 18446744073709551615"],
  [{ indices: BigInt64Array.of(-1n), shape: [1, 1, 1] }, RangeError, "index -1"],
  [{ indices: Uint32Array.of(2 ** 32 - 1), shape: [1, 1, 1] }, RangeError, "index 4294967295"],
  [[[1, 2], [3]], RangeError, "expected an array of 2 like those before it, found one of 1"],
  [[[1, 2], 3], RangeError, "expected an array of 2 like those before it, found something else"],
  [[[[[1]]]], TypeError, "deeper arrays"],
  [[1, 2, 3, 4], RangeError, "is ambiguous"],
  [[[1, 2, 3, 4]], RangeError, "is ambiguous"],
  [{ indices: NESTED, shape: [2, 3, 2] }, RangeError, "expected indices of shape [2,3,2], found [2,2,3]"],
  [[], TypeError, "found [0]"],
];

/** Nested arrays: each holds the previous one twice. */
function doubled(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value, value];
  return value;
}

Deno.test("invalid tokens are refused before memory is allocated for them", async () => {
  using model = await makeModel(TINY, WASM);
  for (const [tokens, kind, message] of NONE) {
    await assertRejects(() => model.detokenize(tokens as TokensLike), kind, message);
  }
});

const GOLDEN = fixture("golden/tiny-f4");

Deno.test("the hash of a codebook is that of its float32 values, whatever dtype stores and uses them", async () => {
  await withFolder(async (folder) => {
    using model = await VQModel.fromPretrained(GOLDEN, WASM);
    const { hash, codes, model: name } = await model.codebook();
    assertEquals([codes, name], [256, GOLDEN]);
    await model.savePretrained(folder, { maxShardSize: 100_000 });
    using other = await VQModel.fromPretrained(folder, { device: ANY_DEVICE });
    assertEquals((await other.codebook()).hash, hash);
    assertEquals(hash.length, 64);
  });

  const checkpoint = checkpointOf(TINY);
  const name = "quantize.embedding.weight";
  const numbers = checkpoint.get(name)!.values();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", numbers));
  const files = new MemoryFiles(TINY, checkpoint);
  using model = await VQModel.fromFiles(files.opener, WASM);
  const expected = {
    hash: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    codes: 24,
    model: undefined,
  };
  assertEquals([await model.codebook(), await model.codebook()], [expected, expected]);
  assertEquals(files.open, 0);
});

Deno.test("tokens of another codebook are refused, those of the same or an unknown one are not", async () => {
  using model = await makeModel(TINY, WASM);
  const checkpoint = checkpointOf(TINY);
  const name = "quantize.embedding.weight";
  const other = checkpoint.get(name)!;
  const values = () => other.values().map((value) => value + 1) as Float32Array<ArrayBuffer>;
  checkpoint.set(name, { ...other, values });
  using another = await VQModel.fromFiles(new MemoryFiles(TINY, checkpoint).opener, WASM);

  const tokens = { indices: NESTED, codebook: { ...await model.codebook(), model: "owner/name" } };
  const { hash } = await another.codebook();
  assertNotEquals(hash, tokens.codebook.hash);
  for (const format of ["json", "npz", "safetensors", "pt"] as const) {
    const read = await decodeTokens(encodeTokens(tokens, format));
    await model.detokenize(read);
    const message =
      `they belong to the model owner/name with codebook ${tokens.codebook.hash.slice(0, 16)}, this is a ` +
      `model with codebook ${hash.slice(0, 16)}. Load the model`;
    await assertRejects(() => another.detokenize(read), RangeError, message);
    await another.detokenize({ indices: read.indices, shape: read.shape });
  }
  await another.detokenize(await decodeTokens(encodeTokens(tokens, "npy")));
});
