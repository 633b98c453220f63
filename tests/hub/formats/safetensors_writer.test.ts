import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  encodeSafetensorsHeader,
  openFile,
  openSafetensors,
  type TensorToWrite,
  WeightsError,
  writeSafetensors,
} from "../../../hub/mod.ts";
import { floats } from "../files.ts";
import { withFolder } from "../../support/folders.ts";

function f32(name: string, shape: number[], ...values: number[]): TensorToWrite {
  return { name, dtype: "F32", shape, data: () => floats(...values) };
}

Deno.test("encodeSafetensorsHeader sorts by element size and name, and pads to eight bytes", () => {
  const bytes = encodeSafetensorsHeader([
    { name: "c", dtype: "F16", shape: [3] },
    { name: "b", dtype: "F32", shape: [2] },
    { name: "10", dtype: "F32", shape: [] },
    { name: "d", dtype: "F64", shape: [1, 1] },
  ]);
  const text = new TextDecoder().decode(bytes.subarray(8));
  assertEquals(bytes.length % 8, 0);
  assertEquals(new DataView(bytes.buffer).getBigUint64(0, true), BigInt(bytes.length - 8));
  assertEquals(
    text.trimEnd(),
    '{"__metadata__":{"format":"pt"},' +
      '"d":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]},' +
      '"10":{"dtype":"F32","shape":[],"data_offsets":[8,12]},' +
      '"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},' +
      '"c":{"dtype":"F16","shape":[3],"data_offsets":[20,26]}}',
  );
});

Deno.test("encodeSafetensorsHeader refuses invalid names, dtypes and shapes", () => {
  const encode = (...tensors: TensorToWrite[]) => () => encodeSafetensorsHeader(tensors);
  assertThrows(encode(f32("a", [1]), f32("a", [1])), TypeError, "Cannot write tensor a: there is another of that name");
  assertThrows(encode(f32("__metadata__", [])), TypeError, "another of that name");
  assertThrows(encode({ ...f32("a", []), dtype: "float32" }), TypeError, "expected a safetensors dtype, found float32");
  assertThrows(encode(f32("a", [-1])), TypeError, "shape [-1] must hold whole numbers");
});

Deno.test("writeSafetensors requests one tensor at a time, and its file is read back", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    const asked: string[] = [];
    const tensor = (name: string, shape: number[], ...values: number[]): TensorToWrite => ({
      ...f32(name, shape),
      data: async () => {
        asked.push(name);
        return await Promise.resolve(floats(0, ...values).subarray(4));
      },
    });
    await Deno.writeTextFile(path, "something older and longer than the new file will be".repeat(100));
    await writeSafetensors(path, [tensor("b", [2, 1], 1, 2), tensor("a", [], 3), tensor("none", [0])]);

    assertEquals(asked, ["a", "b", "none"]);
    const weights = await openSafetensors(await openFile(path));
    assertEquals([...weights.tensors.keys()], ["a", "b", "none"]);
    assertEquals(weights.tensors.get("b"), { dtype: "F32", shape: [2, 1] });
    assertEquals(await weights.read("b"), Float32Array.of(1, 2));
    assertEquals(await weights.read("a"), Float32Array.of(3));
    await weights.close();
    await weights.close();
    await assertRejects(() => weights.read("a"), WeightsError, "it was closed");
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  }));

Deno.test("writeSafetensors leaves only the old file if it fails", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    await Deno.writeTextFile(path, "old");
    const tooShort = f32("b", [3], 1, 2);
    const failing: TensorToWrite = { ...f32("b", [3]), data: () => Promise.reject(new Error("device lost")) };
    await assertRejects(
      () => writeSafetensors(path, [f32("a", [1], 1), tooShort]),
      RangeError,
      "shape [3] of F32 takes 12 bytes, found 8",
    );
    await assertRejects(() => writeSafetensors(path, [f32("a", [1], 1), failing]), Error, "device lost");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["model.safetensors"]);
    assertEquals(await Deno.readTextFile(path), "old");
  }));

Deno.test("writeSafetensors says which file it cannot write", () =>
  withFolder(async (folder) => {
    const path = join(folder, "missing", "model.safetensors");
    await assertRejects(() => writeSafetensors(path, []), WeightsError, `Cannot write ${path}: ENOENT`);
  }));
