import { assert, assertEquals, assertRejects } from "@std/assert";
import { openTorchZip, sourceOfBytes, WeightsError } from "../../../../hub/mod.ts";
import {
  bytesOf,
  floats,
  fuzz,
  type Part,
  pickleOf,
  push,
  readAll,
  torchFile,
  u32,
  u64,
  zipFile,
} from "../../files.ts";

const SIX = floats(0, 1, 2, 3, 4, 5);
const read = (bytes: Uint8Array) => readAll(openTorchZip, bytes);

/** A file whose pickle holds these tensors, over a storage "0" of six floats. */
function stateFile(entries: Record<string, Part>, options = {}): Promise<Uint8Array<ArrayBuffer>> {
  return torchFile(pickleOf(push.stateDict(entries)), { 0: SIX }, options);
}

function view(offset: number, shape: number[], strides: number[]): Uint8Array {
  return push.tensor(push.storage("FloatStorage", "0", 6), offset, shape, strides);
}

async function refusesPickle(pickle: Part, message: string): Promise<void> {
  const file = await torchFile(pickle, { 0: SIX });
  await assertRejects(() => read(file), WeightsError, message);
}

async function refusesTensor(tensor: Part, message: string): Promise<void> {
  await refusesPickle(pickleOf(push.stateDict({ a: tensor })), message);
}

Deno.test("openTorchZip reads stored, deflated and 64-bit archives with any folder name", async () => {
  const all = [{}, { folder: "diffusion_pytorch_model" }, { deflated: true }, { zip64: true }];
  for (const options of all) {
    const file = await stateFile({ a: view(0, [2, 3], [3, 1]), b: view(4, [], []) }, options);
    assertEquals(await read(file), { a: [0, 1, 2, 3, 4, 5], b: [4] });
  }
});

Deno.test("openTorchZip returns strided, channels-last, expanded and empty tensors in row-major order", async () => {
  const file = await stateFile({
    transposed: view(0, [3, 2], [1, 3]),
    channelsLast: view(0, [1, 2, 3, 1], [6, 1, 2, 2]),
    everySecond: view(1, [3], [2]),
    expanded: view(5, [2, 3], [0, 0]),
    ones: view(2, [1, 2, 1], [77, 1, 99]),
    none: view(0, [0, 3], [3, 1]),
  });
  assertEquals(await read(file), {
    transposed: [0, 3, 1, 4, 2, 5],
    channelsLast: [0, 2, 4, 1, 3, 5],
    everySecond: [1, 3, 5],
    expanded: [5, 5, 5, 5, 5, 5],
    ones: [2, 3],
    none: [],
  });
});

Deno.test("openTorchZip reads a tensor in part of a deflated storage", async () => {
  const file = await stateFile({ a: view(2, [2], [1]) }, { deflated: true });
  assertEquals(await read(file), { a: [2, 3] });
});

Deno.test("openTorchZip knows the storages of torch by name", async () => {
  const scalar = (type: string) => push.tensor(push.storage(type, type, 1), 0, [], []);
  const types = { HalfStorage: 2, BFloat16Storage: 2, DoubleStorage: 8, LongStorage: 8, BoolStorage: 1 };
  const entries = Object.fromEntries(Object.keys(types).map((type) => [type, scalar(type)]));
  const storages = Object.entries(types).map(([type, size]) => [type, new Uint8Array(size)]);
  const file = await torchFile(pickleOf(push.stateDict(entries)), Object.fromEntries(storages));
  const source = await openTorchZip(sourceOfBytes(file, "weights"));
  const dtypes = [...source.tensors.values()].map(({ dtype }) => dtype);
  assertEquals(dtypes, ["F16", "BF16", "F64", "I64", "BOOL"]);
  assertEquals(await source.read("DoubleStorage"), Float32Array.of(0));
  await assertRejects(
    () => source.read("LongStorage"),
    WeightsError,
    "expected F32, F16, BF16 or F64 elements, found I64",
  );
});

Deno.test("openTorchZip reads parameters, plain dictionaries and checkpoints with a state_dict", async () => {
  const parameter = push.call(push.global("torch._utils", "_rebuild_parameter"), view(1, [1], [1]), [0x88], "}");
  const plain = bytesOf("}", push.text("a"), parameter, "s");
  const checkpoint = bytesOf("}(", push.text("epoch"), push.int(70000), push.text("state_dict"), plain, "u");
  for (const value of [plain, checkpoint]) {
    assertEquals(await read(await torchFile(pickleOf(value), { 0: SIX })), { a: [1] });
  }
});

Deno.test("of several state dicts the one under ema is read, then model, then state_dict", async () => {
  const state = (offset: number) => push.stateDict({ a: view(offset, [1], [1]) });
  const namespace = push.call(push.global("argparse", "Namespace"));
  const empty = push.stateDict({});
  const cases: [a: number, checkpoint: Record<string, Part>][] = [
    [1, { ema: state(1), model: state(2), state_dict: state(3), args: namespace }],
    [2, { steps: push.int(9), optimizer: push.stateDict({ b: view(0, [1], [1]) }), model: state(2) }],
    [3, { model: namespace, state_dict: state(3), ema: empty }],
    [4, { a: view(4, [1], [1]), model: empty }],
  ];
  for (const [a, checkpoint] of cases) {
    const items = Object.entries(checkpoint).flatMap(([key, value]) => [push.text(key), value]);
    const file = await torchFile(pickleOf(bytesOf("}(", ...items, "u")), { 0: SIX });
    assertEquals(await read(file), { a: [a] });
  }
});

Deno.test("openTorchZip reads pickles of protocol 4", async () => {
  const text = (text: string) => bytesOf([0x8c, text.length], text, [0x94]);
  const named = (module: string, name: string) => bytesOf(text(module), text(name), [0x93, 0x94]);
  const id = bytesOf(
    "(",
    text("storage"),
    named("torch", "FloatStorage"),
    text("0"),
    text("cpu"),
    "K\x06t",
    [0x94],
    "Q",
  );
  const rebuild = named("torch._utils", "_rebuild_tensor_v2");
  const tensor = bytesOf(rebuild, "(", id, "K\x00", "K\x02", [0x85, 0x94], "K\x01", [0x85, 0x94, 0x89], "}tR");
  const pickle = bytesOf([0x80, 4, 0x95], u64(99), "}", [0x94], text("a"), tensor, "sh\x00.");
  assertEquals(await read(await torchFile(pickle, { 0: SIX })), { a: [0, 1] });
});

Deno.test("openTorchZip ignores everything but tensors in a state dict", async () => {
  const others: Record<string, Part> = {
    none: "N",
    yes: [0x88],
    count: push.int(70000),
    long: push.int(2 ** 60),
    longer: bytesOf([0x8b], u32(20), new Uint8Array(20)),
    old: "I123456789012\n",
    half: bytesOf("G", new Uint8Array(8)),
    text: push.text("text"),
    binary: bytesOf("C\x02ab"),
    longText: bytesOf([0x8d], u64(1), "a"),
    longBytes: bytesOf([0x8e], u64(1), "a"),
    list: bytesOf("](", push.int(1), "}e"),
    set: bytesOf([0x8f], "(", push.int(1), [0x90]),
    frozen: bytesOf("(", push.int(1), [0x91]),
    scalar: push.call(push.global("numpy.core.multiarray", "scalar"), push.global("numpy", "dtype"), "C\x01a"),
    object: bytesOf(push.global("argparse", "Namespace"), ")", [0x81], "}", push.text("a"), "Nsb"),
    withNames: bytesOf(push.global("some", "Class"), ")}", [0x92]),
    filled: bytesOf(push.global("some", "List"), ")R(NNeNa"),
    dict: bytesOf(push.global("some", "Dict"), ")RNNs(NNu"),
    type: push.global("torch", "float32"),
    optimizer: bytesOf("}", push.text("state"), view(0, [1], [1]), "s"),
    quantized: push.tensor(push.storage("QInt8Storage", "0", 6), 0, [6], [1]),
    parameter: push.call(push.global("torch._utils", "_rebuild_parameter"), push.global("some", "Tensor"), [0x88], "N"),
  };
  const a = view(1, [2], [1]);
  assertEquals(await read(await stateFile({ ...others, a, "": a })), { a: [1, 2], "": [1, 2] });
  const keys = bytesOf(
    "}(",
    push.int(1),
    a,
    push.tuple("NN"),
    a,
    push.global("some", "Class"),
    a,
    push.text("b"),
    a,
    "u",
  );
  assertEquals(await read(await torchFile(pickleOf(keys), { 0: SIX })), { b: [1, 2] });
});

Deno.test("openTorchZip says what a file without tensors contains, shortened", async () => {
  const long = "x".repeat(100_000);
  await refusesPickle(pickleOf(bytesOf("}(", push.text("model"), "}", push.text(long), "Nu")), "(model, xxx");
  const pairOfItself = bytesOf("h\x00", [0x86], "q\x00"); // sixty levels of it have 2^60 elements
  const deep = bytesOf("N", [0x85], "q\x00", ...Array(60).fill(pairOfItself));
  await refusesPickle(pickleOf(bytesOf("}", deep, "Ns")), "(no names)");
  for (const pickle of [bytesOf("}", push.text(long), "Ns"), push.global("os", long)]) {
    const file = await torchFile(pickleOf(pickle), { 0: SIX });
    const { message } = await assertRejects(() => read(file), WeightsError);
    assert(message.length < 1000);
  }
});

Deno.test("openTorchZip reads Python 2's ordered dictionaries, and those with defaults", async () => {
  const a = view(1, [2], [1]);
  const pairs = bytesOf("](](", push.text("a"), a, "ee");
  const ordered = push.call(push.global("collections", "OrderedDict"), pairs);
  const byDefault = bytesOf(push.call(push.global("collections", "defaultdict"), "N"), push.text("a"), a, "s");
  for (const value of [ordered, byDefault]) {
    assertEquals(await read(await torchFile(pickleOf(value), { 0: SIX })), { a: [1, 2] });
  }
});

Deno.test("openTorchZip refuses functions that act on the machine by name", async () => {
  await refusesPickle(pickleOf(push.call(push.global("os", "system"), push.text("true"))), "it needs os.system, which");
  await refusesPickle(pickleOf(push.global("subprocess", "Popen")), "it needs subprocess.Popen");
  await refusesPickle(pickleOf(push.global("os.path", "join")), "it needs os.path.join");
  await refusesPickle(pickleOf(push.global("__builtin__", "__proto__")), "it needs __builtin__.__proto__");
  const inside = bytesOf("}", push.text("a"), push.call(push.global("builtins", "exec"), push.text("1")), "s");
  await refusesPickle(pickleOf(inside), "it needs builtins.exec");
  const byStack = bytesOf(push.text("builtins"), push.text("eval"), [0x93]);
  await refusesPickle(pickleOf(byStack), "it needs builtins.eval");
});

Deno.test("openTorchZip refuses instructions that tensors do not need", async () => {
  for (const opcode of [0x00, 0x69, 0x6f, 0x50, 0x82, 0x38, 0xff]) {
    await refusesPickle(bytesOf([0x80, 2, opcode]), `it has the instruction 0x${opcode.toString(16).padStart(2, "0")}`);
  }
});

Deno.test("openTorchZip refuses pickles that misuse their stack, memo or marks", async () => {
  for (const take of [".", "R", "b", "s", "a", "Q", [0x85], [0x87], [0x93]]) {
    await refusesPickle(bytesOf([0x80, 2], take), "stack");
    await refusesPickle(bytesOf([0x80, 2], "}}}(", take), "stack");
  }
  for (const put of ["q\x00", [0x94], "r\x00\x00\x00\x00"]) await refusesPickle(bytesOf(put), "empty stack");
  for (const take of ["t", "e", "u"]) await refusesPickle(bytesOf("}", take), "a mark that it did not set");
  await refusesPickle(bytesOf("h\x07"), "slot 7 of its memo");
  await refusesPickle(bytesOf("}(NNNu"), "a key without a value");
  await refusesPickle(bytesOf("](NNu"), "other than a dictionary");
  await refusesPickle(bytesOf("}Na"), "other than a list");
  await refusesPickle(bytesOf("]Nb"), "other than an object");
  await refusesPickle(bytesOf("})R"), "other than a function");
  await refusesPickle(bytesOf(push.global("collections", "OrderedDict"), "}R"), "other than a function");
  await refusesPickle(bytesOf("NN", [0x93]), "names a global by something other than a string");
});

Deno.test("openTorchZip refuses pickles that end early", async () => {
  await refusesPickle([], "ends where 1 more bytes were expected");
  await refusesPickle(bytesOf("X", u32(2 ** 32 - 1), "abc"), "ends where 4294967295 more bytes");
  await refusesPickle(bytesOf([0x8a, 255], "x"), "ends where 255 more bytes");
  await refusesPickle(bytesOf("ctorch\nFloat"), "ends where");
  await refusesPickle(bytesOf([0x80, 2], "}"), "ends where");
});

Deno.test("openTorchZip refuses pickles that would never end or fill the memory", async () => {
  await refusesPickle(new Uint8Array(2_500_000).fill(0x4e), "takes more than 2000000 steps");
  const wide = bytesOf("(", new Uint8Array(300_000).fill(0x4e), "t");
  await refusesPickle(pickleOf(bytesOf(push.global("torch._utils", "_rebuild_tensor_v2"), wide, "R")), "described by");
  await refusesPickle(pickleOf(bytesOf("N", new Uint8Array(300_000).fill(0x85))), "expected a dictionary of tensors");
  await refusesTensor(push.tensor(push.storage("FloatStorage", "0", 2 ** 53), 0, [1], [1]), "a reference to a storage");
  await refusesPickle(new Uint8Array(300_000).fill(0x7d), "takes more than 2000000 steps");
  // A list of 400,000 pairs, to be made into 300,000 dictionaries.
  const pairs = bytesOf("](NN", [0x86], "q\x00", "h\x00".repeat(400_000), "eq\x01");
  const orderedDict = bytesOf(push.global("collections", "OrderedDict"), "q\x02h\x01", [0x85], "q\x03");
  const shared = bytesOf(pairs, orderedDict, "h\x02h\x03R".repeat(300_000));
  await refusesPickle(pickleOf(shared), "takes more than 2000000 steps");
  const long = bytesOf(push.text("x".repeat(1_000_000)), "q\x00h\x00", [0x93]);
  await refusesPickle(pickleOf(long), "it names a global in 2000000 characters");
  const key = push.storage("FloatStorage", "0".repeat(1_000_000), 6);
  await refusesTensor(push.tensor(key, 0, [1], [1]), "expected a reference to a storage");
  // A list that contains itself many times.
  await refusesPickle(pickleOf(bytesOf("]q\x00", ...Array(1000).fill("h\x00a"))), "expected a dictionary of tensors");
});

Deno.test("openTorchZip refuses invalid tensors, and those that exceed their storage", async () => {
  await refusesTensor(view(0, [7], [1]), "leaves its storage of 6 elements");
  await refusesTensor(view(6, [1], [1]), "leaves its storage");
  await refusesTensor(view(0, [2, 2], [5, 1]), "leaves its storage");
  await refusesTensor(view(0, [2], [2 ** 52]), "leaves its storage");
  await refusesTensor(view(-1, [1], [1]), "described by something else");
  await refusesTensor(view(0, [1], [-1]), "described by something else");
  await refusesTensor(view(0, Array(65).fill(1), Array(65).fill(1)), "described by something else");
  await refusesTensor(view(0, [1, 1], [1]), "does not fit its strides");
  await refusesTensor(view(0, [2 ** 40, 2 ** 40], [0, 0]), "does not fit");
  await refusesTensor(view(0, [2 ** 40], [0]), "expands a storage of only 6 elements");
  const vast = push.storage("FloatStorage", "0", 2 ** 40);
  await refusesTensor(push.tensor(vast, 0, [64, 64], [2 ** 30, 1]), "lies spread over 67645734976 elements");
  await refusesTensor(push.int(3), "expected a dictionary of tensors by name, found none among its values (a)");
  await refusesTensor(
    push.call(push.global("torch._utils", "_rebuild_parameter"), "N"),
    "something else than a tensor",
  );
  await refusesTensor(push.tensor("N", 0, [1], [1]), "described by something else");
  await refusesTensor(bytesOf(push.tuple(push.text("module")), "Q"), "expected a reference to a storage");
  await refusesTensor(push.storage("FloatStorage", "0", 6), "expected a dictionary of tensors by name");
  const twice = push.tensor(push.storage("FloatStorage", "0", 5), 0, [1], [1]);
  await refusesPickle(
    pickleOf(push.stateDict({ a: view(0, [1], [1]), b: twice })),
    "storage 0 has two types or lengths",
  );
  await refusesPickle(pickleOf("N"), "expected a dictionary of tensors");
  await refusesPickle(pickleOf(bytesOf("}", push.int(1), view(0, [1], [1]), "s")), "found none among its values");
});

Deno.test("openTorchZip is not deceived by a shape that changes after it was checked", async () => {
  const shape = bytesOf("]q\x05", push.int(6), "a");
  const rebuild = push.global("torch._utils", "_rebuild_tensor_v2");
  const storage = push.storage("FloatStorage", "0", 6);
  const tensor = push.call(rebuild, storage, push.int(0), shape, push.tuple(push.int(1)), "N", "N");
  const pickle = bytesOf("}q\x01", push.text("a"), tensor, "sh\x05", push.int(100), "ah\x01.");
  assertEquals(await read(await torchFile(pickle, { 0: SIX })), { a: [0, 1, 2, 3, 4, 5] });
});

Deno.test("openTorchZip refuses storages that are missing or of another size", async () => {
  const missing = push.tensor(push.storage("FloatStorage", "1", 6), 0, [6], [1]);
  await refusesTensor(missing, "expected archive/data/1 with 24 bytes, found no such entry");
  const larger = push.tensor(push.storage("FloatStorage", "0", 7), 0, [6], [1]);
  await refusesTensor(larger, "expected archive/data/0 with 28 bytes, found 24");
  const huge = push.tensor(push.storage("FloatStorage", "0", 2 ** 50), 0, [2 ** 50], [1]);
  await refusesTensor(huge, "found 24");
});

Deno.test("openTorchZip refuses big-endian files and says how to convert those of before torch 1.6", async () => {
  const big = await stateFile({}, { byteorder: "big" });
  await assertRejects(() => read(big), WeightsError, "expected little-endian numbers, found big");
  const old = bytesOf([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], ".");
  await assertRejects(() => read(old), WeightsError, "the format of torch before 1.6. Convert it: python -c");
  await assertRejects(() => read(bytesOf("<html>")), WeightsError, "expected a zip archive");
  await assertRejects(() => read(new Uint8Array()), WeightsError, "expected a zip archive");
});

Deno.test("openTorchZip refuses damaged archives and other files", async () => {
  const refuses = (file: Uint8Array, message: string) => assertRejects(() => read(file), WeightsError, message);
  const data = pickleOf("}");
  await refuses(
    await zipFile([{ name: "other.txt", data }]),
    "expected a zip archive with one FOLDER/data.pkl, found 0",
  );
  const two = [{ name: "a/data.pkl", data }, { name: "b/data.pkl", data }];
  await refuses(await zipFile(two), "FOLDER/data.pkl, found 2");
  await refuses(await zipFile([two[0], two[0]]), "it has the entry a/data.pkl twice");
  await refuses((await zipFile(two)).slice(0, -1), "the record that ends every zip archive is missing");
  const bomb = [{ name: "a/data.pkl", data: bytesOf(new Uint8Array(1000)), deflated: true, claimedSize: 2 ** 25 }];
  await refuses(await zipFile(bomb), "which is impossible");
  await refuses(await zipFile([{ ...bomb[0], claimedSize: 999 }]), "cannot be unpacked");
  await refuses(await zipFile([{ ...bomb[0], claimedSize: 1001 }]), "unpacks to 1000 bytes, expected 1001");
  await refuses(await zipFile([{ ...bomb[0], claimedSize: 2 ** 27 }]), "expected at most 67108864 bytes");
});

Deno.test("openTorchZip reads damaged archives or refuses them with a WeightsError", async () => {
  const entries = { a: view(0, [2, 3], [3, 1]), b: view(0, [3, 2], [1, 3]) };
  for (const options of [{}, { deflated: true }, { zip64: true }]) {
    await fuzz(read, await stateFile(entries, options), 1500);
  }
});

Deno.test("openTorchZip reads damaged pickles or refuses them with a WeightsError", async () => {
  const entries = { a: view(0, [2, 3], [3, 1]), b: view(0, [3, 2], [1, 3]) };
  const readPickle = async (pickle: Uint8Array) => await read(await torchFile(pickle, { 0: SIX }));
  await fuzz(readPickle, pickleOf(push.stateDict(entries)), 6000);
});
