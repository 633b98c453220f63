import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openSafetensors, sourceOfBytes, WeightsError } from "../../../hub/mod.ts";
import { bytesOf, floats, fuzz, readAll, safetensorsFile, u64 } from "../files.ts";

const read = (bytes: Uint8Array) => readAll(openSafetensors, bytes);

function refuses(bytes: Uint8Array, message: string): Promise<WeightsError> {
  return assertRejects(() => read(bytes), WeightsError, message);
}

/** A file with one tensor of four float32 numbers, with parts of its header replaced. */
function oneTensor(tensor: unknown, ...data: Uint8Array[]): Uint8Array {
  return safetensorsFile({ a: tensor }, ...(data.length > 0 ? data : [floats(1, 2, 3, 4)]));
}

Deno.test("openSafetensors reads tensors by name, at odd offsets too", async () => {
  for (const padding of ["", " ", "  ", "   "]) {
    const header = JSON.stringify({
      b: { dtype: "F32", shape: [2], data_offsets: [4, 12] },
      a: { dtype: "F32", shape: [], data_offsets: [0, 4] },
    }) + padding;
    assertEquals(await read(safetensorsFile(header, floats(1, 2, 3))), { b: [2, 3], a: [1] });
  }
});

Deno.test("openSafetensors returns dtypes and shapes without reading the tensors", async () => {
  const header = {
    __metadata__: { format: "pt" },
    a: { dtype: "F16", shape: [2, 0, 3], data_offsets: [0, 0] },
    b: { dtype: "I64", shape: [1], data_offsets: [0, 8] },
  };
  const { tensors } = await openSafetensors(sourceOfBytes(safetensorsFile(header, u64(7)), "weights"));
  assertEquals([...tensors], [["a", { dtype: "F16", shape: [2, 0, 3] }], ["b", { dtype: "I64", shape: [1] }]]);
});

Deno.test("openSafetensors widens halves, bfloat16 and doubles exactly", async () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000);
  const brain = Uint16Array.of(0x3f80, 0xc049, 0xff80);
  const doubles = Float64Array.of(0.1, -3);
  const header = {
    half: { dtype: "F16", shape: [9], data_offsets: [0, 18] },
    brain: { dtype: "BF16", shape: [3], data_offsets: [18, 24] },
    double: { dtype: "F64", shape: [2], data_offsets: [24, 40] },
  };
  const data = [halves, brain, doubles].map(({ buffer }) => new Uint8Array(buffer));
  assertEquals(await read(safetensorsFile(header, ...data)), {
    half: [1, -2, 2 ** -24, -1023 * 2 ** -24, 65504, Infinity, -Infinity, NaN, -0],
    brain: [1, -3.140625, -Infinity],
    double: [Math.fround(0.1), -3],
  });
});

Deno.test("openSafetensors gives the bytes of a tensor in parts, at odd offsets too", async () => {
  for (const padding of ["", " ", "  ", "   "]) {
    const header = JSON.stringify({
      a: { dtype: "F16", shape: [3], data_offsets: [0, 6] },
      b: { dtype: "F32", shape: [1, 2], data_offsets: [6, 14] },
    }) + padding;
    const bytes = safetensorsFile(header, [1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12, 13, 14]);
    for (const readInto of [true, false]) {
      const file = sourceOfBytes(bytes, "weights");
      const source = await openSafetensors(readInto ? file : { ...file, readInto: undefined });
      const [a, b] = [source.stored!("a")!, source.stored!("b")!];
      assertEquals([a.dtype, a.length, b.dtype, b.length], ["F16", 3, "F32", 2]);
      const target = new Uint8Array(new SharedArrayBuffer(5));
      await b.readInto(target.subarray(1, 4), 5);
      assertEquals([...target], [0, 12, 13, 14, 0]);
      assertEquals(await b.read(), await source.read("b"));
      // Neither the tensor before nor what follows in the file.
      for (const offset of [-1, 4]) await assertRejects(() => b.readInto(target, offset), RangeError, "a tensor of 8");
      await assertRejects(() => a.readInto(target, 2), RangeError, "a tensor of 6");
    }
  }
});

Deno.test("openSafetensors treats metadata that is null as absent", async () => {
  const header = { __metadata__: null, a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } };
  assertEquals(await read(safetensorsFile(header, floats(5))), { a: [5] });
});

Deno.test("openSafetensors returns a new array on every read", async () => {
  const bytes = oneTensor({ dtype: "F32", shape: [4], data_offsets: [0, 16] });
  const source = await openSafetensors(sourceOfBytes(bytes, "weights"));
  (await source.read("a")).fill(9);
  assertEquals(await source.read("a"), Float32Array.of(1, 2, 3, 4));
});

Deno.test("openSafetensors refuses integers and unknown names only when they are read", async () => {
  const header = { a: { dtype: "I32", shape: [1], data_offsets: [0, 4] } };
  const source = await openSafetensors(sourceOfBytes(safetensorsFile(header, [0, 0, 0, 0]), "weights"));
  await assertRejects(() => source.read("a"), WeightsError, "expected F32, F16, BF16 or F64 elements, found I32");
  await assertRejects(() => source.read("b"), WeightsError, "Cannot read tensor b: weights does not hold it");
  assertThrows(() => source.stored!("a"), WeightsError, "expected F32, F16, BF16 or F64 elements, found I32");
  assertThrows(() => source.stored!("b"), WeightsError, "Cannot read tensor b: weights does not hold it");
});

Deno.test("openSafetensors refuses invalid headers", async () => {
  await refuses(new Uint8Array(), "expected 8 bytes with the length of its header, found only 0");
  await refuses(bytesOf(u64(3), "{}"), "its header should have 3 bytes, the file has only 2");
  await refuses(
    bytesOf(u64(100_000_001), "{}"),
    "expected a header of at most 100000000 bytes, found one of 100000001",
  );
  await refuses(bytesOf(u64(2n ** 64n - 1n), "{}"), "at most 100000000 bytes");
  await refuses(safetensorsFile("[]"), 'begins with "{"');
  await refuses(safetensorsFile(""), 'begins with "{"');
  await refuses(safetensorsFile('{"a":}'), "expected JSON");
  await refuses(bytesOf(u64(5), '{"', [0xff], '"}'), "expected JSON in UTF-8");
  await refuses(safetensorsFile({ __metadata__: { format: 1 } }), "expected __metadata__ to hold strings");
  await refuses(safetensorsFile({ __metadata__: [] }), "expected __metadata__ to hold strings");
});

Deno.test("openSafetensors refuses a key that occurs twice", async () => {
  const tensor = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
  await refuses(safetensorsFile(`{"a":${tensor}, "\\u0061" :${tensor}}`), "has the key a twice");
  await refuses(safetensorsFile(`{"a":{"shape":[0],${tensor.slice(1)}}`), "has the key shape twice");
  const odd = `{"a\\"b":${tensor},"shape":${tensor},"x\\\\":${tensor}}`;
  assertEquals(await read(safetensorsFile(odd)), { 'a"b': [], shape: [], "x\\": [] });
});

Deno.test("openSafetensors refuses invalid descriptions of tensors", async () => {
  await refuses(oneTensor(null), "tensor a: expected an object");
  await refuses(oneTensor({ dtype: "F33", shape: [4], data_offsets: [0, 16] }), 'tensor a: unknown dtype "F33"');
  await refuses(oneTensor({ shape: [4], data_offsets: [0, 16] }), "unknown dtype");
  for (const shape of [undefined, "4", [-4], [4.5], [null], [2 ** 60], [[4]]]) {
    await refuses(oneTensor({ dtype: "F32", shape, data_offsets: [0, 16] }), "expected a shape of whole numbers");
  }
  for (const offsets of [undefined, [], [0], [0, 8, 16], [-8, 8], [0, 15.5]]) {
    await refuses(oneTensor({ dtype: "F32", shape: [4], data_offsets: offsets }), "expected two data_offsets");
  }
});

Deno.test("openSafetensors refuses shapes that do not match their bytes, of any size", async () => {
  const offsets = { dtype: "F32", data_offsets: [0, 16] };
  await refuses(
    oneTensor({ ...offsets, shape: [3] }),
    "shape [3] of F32 takes 12 bytes, data_offsets [0,16] give it 16",
  );
  await refuses(oneTensor({ ...offsets, shape: Array(60).fill(2 ** 20) }), "has more than 2^53 elements");
  await refuses(oneTensor({ ...offsets, shape: [2 ** 52, 2 ** 52, 0] }), "has more than 2^53 elements");
  await refuses(oneTensor({ ...offsets, shape: [2 ** 53 - 1] }), "data_offsets [0,16] give it 16");
  await refuses(oneTensor({ dtype: "F32", shape: [4], data_offsets: [16, 0] }), "give it -16");
});

Deno.test("openSafetensors refuses tensors that exceed the file, overlap or leave gaps", async () => {
  const at = (begin: number) => ({ dtype: "F32", shape: [1], data_offsets: [begin, begin + 4] });
  const data = floats(1, 2, 3);
  await refuses(
    safetensorsFile({ a: at(0), b: at(4) }, data),
    "its tensors take 8 bytes, after the header there are 12",
  );
  await refuses(safetensorsFile({ a: at(0), b: at(4), c: at(8), d: at(12) }, data), "take 16 bytes");
  await refuses(safetensorsFile({ a: at(0), b: at(8) }, data), "tensor b begins at 8, expected 4");
  await refuses(safetensorsFile({ a: at(0), b: at(2), c: at(8) }, data), "tensor b begins at 2, expected 4");
  await refuses(safetensorsFile({ a: at(0), b: at(2 ** 52) }, data), "expected 4, where the one before it ends");
});

Deno.test("openSafetensors reads damaged files or refuses them with a WeightsError", async () => {
  const header = {
    __metadata__: { format: "pt" },
    a: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
    b: { dtype: "F16", shape: [2], data_offsets: [16, 20] },
  };
  await fuzz(read, safetensorsFile(header, floats(1, 2, 3, 4), [0, 60, 0, 60]), 6000);
});
