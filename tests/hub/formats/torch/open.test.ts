/** Files that torch wrote in each of its formats, and old ones made byte by byte. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openFile, openTorch, openWeights, sourceOfBytes, WeightsError } from "../../../../hub/mod.ts";
import type { ByteSource } from "../../../../hub/mod.ts";
import { conversionCommand } from "../../../../hub/formats/torch/conversion.ts";
import { bytesOf, floats, fuzz, legacyFile, type Part, pickleOf, push, readAll } from "../../files.ts";
import { fixture } from "../../../support/paths.ts";
import { printedBy, start } from "../../../support/processes.ts";
import { testOnUnix } from "../../../support/systems.ts";

const read = (bytes: Uint8Array) => readAll(openTorch, bytes);
const refuses = (bytes: Uint8Array, message: string) => assertRejects(() => read(bytes), WeightsError, message);
const SIX = floats(0, 1, 2, 3, 4, 5);

const eighths = Array.from({ length: 24 }, (_, i) => i / 8);
/** The tensors that tests/fixtures/torch/make.py saves. */
const SAVED: Record<string, [shape: number[], elements: number[]]> = {
  whole: [[2, 3, 4], eighths],
  transposed: [[4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map((i) => i / 8)],
  row: [[4], eighths.slice(20)],
  every_second: [[12], eighths.filter((_, i) => i % 2 === 1)],
  expanded: [[2, 3], Array(6).fill(7)],
  channels_last: [[1, 2, 3, 2], Array.from({ length: 12 }, (_, i) => i)],
  scalar: [[], [-1.5]],
  empty: [[0, 3], []],
  double: [[2], [Math.fround(0.1), -3]],
  half: [[3], [1, -2, 65504]],
  brain: [[2], [1, -3.140625]],
  parameter: [[2], [1, 2]],
  "linear.weight": [[1, 2], [0.5, -2]],
  "linear.bias": [[1], [3]],
};

/** A file with this state dict, over a storage "0" of six floats. */
function stateFile(entries: Record<string, Part>): Uint8Array<ArrayBuffer> {
  return legacyFile(pickleOf(push.stateDict(entries)), { 0: [6, SIX] });
}

function view(offset: number, shape: number[], strides: number[]): Uint8Array {
  return push.tensor(push.storage("FloatStorage", "0", 6, "N"), offset, shape, strides);
}

for (const file of ["legacy-protocol2.bin", "legacy-protocol4.bin", "legacy-state-dict.bin", "zip.bin"]) {
  Deno.test(`openWeights reads the tensors that torch saved as ${file}`, async () => {
    const path = fixture(`torch/${file}`);
    const weights = await openWeights(file, () => openFile(path));
    assertEquals([...weights.tensors.keys()].sort(), [...Object.keys(SAVED), "whole_numbers"].sort());
    assertEquals(weights.tensors.get("whole_numbers"), { dtype: "I64", shape: [2] });
    assertEquals(["double", "half", "brain"].map((name) => weights.tensors.get(name)!.dtype), ["F64", "F16", "BF16"]);
    for (const [name, [shape, elements]] of Object.entries(SAVED)) {
      assertEquals(weights.tensors.get(name)!.shape, shape, name);
      assertEquals([...await weights.read(name)], elements, name);
    }
    await weights.close();
  });
}

Deno.test("of an old torch file, only the range of a tensor is read, and closing closes the file", async () => {
  const large = 3_000_000;
  const tensor = (key: string, length: number) => push.tensor(push.storage("FloatStorage", key, length), 1, [2], [1]);
  const bytes = legacyFile(pickleOf(push.stateDict({ a: tensor("0", large), b: tensor("1", 6) })), {
    0: [large, new Uint8Array(4 * large)],
    1: [6, SIX],
  });
  const reads: number[] = [];
  let isOpen = true;
  const memory = sourceOfBytes(bytes, "weights");
  const source: ByteSource = {
    ...memory,
    read(offset, length) {
      reads.push(length);
      return memory.read(offset, length);
    },
    close: () => Promise.resolve(void (isOpen = false)),
  };
  const weights = await openTorch(source);
  assert(Math.max(...reads) <= 2 ** 20, `${reads}`);
  reads.length = 0;
  assertEquals(await weights.read("b"), Float32Array.of(1, 2));
  assertEquals(reads, [8, 8]);
  await weights.close();
  assertEquals(isOpen, false);
});

Deno.test("pickles of old torch files may be longer than the first read", async () => {
  const others = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`note${i}`, push.text("x".repeat(100_000))]));
  assertEquals(await read(stateFile({ ...others, a: view(4, [2], [1]) })), { a: [4, 5] });
});

Deno.test("openTorch reads partial storages and tensors of torch before 0.4", async () => {
  const part = (offset: number, length: number) => push.tuple(push.text("v"), push.int(offset), push.int(length));
  const storage = push.storage("FloatStorage", "0", 6, part(2, 3));
  const old = push.call(
    push.global("torch._utils", "_rebuild_tensor"),
    storage,
    "K\x01",
    push.tuple("K\x02"),
    push.tuple("K\x01"),
  );
  assertEquals(await read(stateFile({ a: push.tensor(storage, 0, [3], [1]), b: old })), { a: [2, 3, 4], b: [3, 4] });
  await refuses(stateFile({ a: push.tensor(storage, 1, [3], [1]) }), "leaves its storage of 3 elements");
  for (const view of [part(4, 3), part(-1, 3), part(0, -1)]) {
    const beyond = push.storage("FloatStorage", "0", 6, view);
    await refuses(stateFile({ a: push.tensor(beyond, 0, [1], [1]) }), "a part of storage 0 leaves its 6 elements");
  }
});

Deno.test("openTorch refuses damaged old files", async () => {
  const pickle = pickleOf(push.stateDict({ a: view(0, [6], [1]) }));
  await refuses(legacyFile(pickle, { 0: [6, SIX] }, { version: 1000 }), "it does not begin as");
  await refuses(bytesOf([0x80, 2], "K\x01."), "it does not begin as");
  await refuses(legacyFile(pickle, {}), "it lacks a storage that a tensor is in");
  await refuses(legacyFile(pickle, { 0: [6, SIX] }, { keys: "N" }), "expected a list of its storages");
  await refuses(legacyFile(pickle, { 0: [6, SIX], 1: [6, SIX] }), "a storage that nothing refers to");
  const twice = bytesOf("](", push.text("0"), push.text("0"), "e");
  await refuses(legacyFile(pickle, { 0: [6, SIX] }, { keys: twice }), "a storage twice");
  await refuses(legacyFile(pickle, { 0: [5, SIX] }), "expected a storage of 6 elements, found 5");
  await refuses(legacyFile(pickle, { 0: [6, SIX.subarray(1)] }), "its storages end at");
  await refuses(legacyFile(pickleOf("N")), "expected a dictionary of tensors");
  await refuses(legacyFile(bytesOf([0x80, 2], "X\xff\xff\xff\x7f")), "ends where");
});

Deno.test("openTorch refuses an old file whose pickles are endless, without reading all of it", async () => {
  const bytes = legacyFile(bytesOf([0x80, 2], "X", [0, 0, 0, 0x7f]), { 0: [1, new Uint8Array(1000)] });
  const source = { ...sourceOfBytes(bytes, "weights"), size: 2 ** 40 };
  let most = 0;
  source.read = (_, length) => {
    most = Math.max(most, length);
    const piece = new Uint8Array(length);
    piece.set(bytes.subarray(0, length));
    return Promise.resolve(piece);
  };
  await assertRejects(() => openTorch(source), WeightsError, "expected pickles of at most 67108864 bytes");
  assertEquals(most, 2 ** 26);
});

Deno.test("openTorch reads damaged old files or refuses them with a WeightsError", async () => {
  await fuzz(read, stateFile({ a: view(0, [2, 3], [3, 1]), b: view(0, [3, 2], [1, 3]) }), 6000);
});

Deno.test("openTorch says how to convert archives of the first versions of torch", async () => {
  const tar = new Uint8Array(1024);
  tar.set(bytesOf("ustar"), 257);
  await refuses(tar, "the format of torch before 0.2. If you trust it, convert it: python -c");
  for (const other of ["", "<html>", "PK\x03"]) await refuses(bytesOf(other), "expected a zip archive");
});

testOnUnix("the conversion command quotes the path for shells", async () => {
  const paths = ["C:\\Users\\me\\my models\\x.bin", "d:/a b/it's.bin", "\\\\server\\share\\x.bin"];
  for (const path of paths) assert(conversionCommand(path, { weightsOnly: true }).endsWith(` "${path}"`));
  for (const path of ['/tmp/it\'s a "model" $HOME.bin', "a\\b `c`.bin", "-x\n.bin"]) {
    const command = conversionCommand(path, { weightsOnly: true });
    // The words of the command as a shell splits them.
    const script = command.replace(/^python/, "printf '%s\\0'");
    const [option, program, found, ...rest] = (await printedBy(start("sh", ["-c", script]))).split("\0");
    assertEquals([option, found, rest], ["-c", path, [""]]);
    assert(program.startsWith("import sys, torch; p = sys.argv[1]; torch.save(torch.load(p, map_location='cpu'"));
  }
});
