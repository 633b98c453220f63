import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type ByteSource, openFile, sourceOfBytes, WeightsError } from "../../../hub/mod.ts";
import { withFolder } from "../../support/folders.ts";

const BYTES = Uint8Array.of(1, 2, 3, 4, 5);

/** Runs a test on a source in memory and on one of a file. */
function onEach(use: (source: ByteSource) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeFile(path, BYTES);
    for (const source of [sourceOfBytes(BYTES, "memory"), await openFile(path)]) {
      await use(source);
      await source.close();
    }
  });
}

Deno.test("a byte source reads any part into a new buffer", () =>
  onEach(async (source) => {
    assertEquals(source.size, 5);
    assertEquals(await source.read(1, 3), Uint8Array.of(2, 3, 4));
    assertEquals(await source.read(5, 0), new Uint8Array());
    assertEquals((await source.read(1, 3)).buffer.byteLength, 3);
    (await source.read(0, 5)).fill(0);
    assertEquals(await source.read(0, 5), BYTES);
  }));

Deno.test("a byte source refuses ranges outside of it before it allocates memory", () =>
  onEach(async (source) => {
    await assertRejects(() => source.read(3, 3), WeightsError, "has only 5 bytes");
    await assertRejects(() => source.read(6, 0), WeightsError, "has only 5 bytes");
    await assertRejects(() => source.read(0, 2 ** 50), WeightsError, "has only 5 bytes");
    for (const offset of [-1, 0.5, NaN, 2 ** 53]) {
      await assertRejects(() => source.read(offset, 1), WeightsError, "expected whole numbers");
    }
  }));

Deno.test("a byte source fills memory of the caller, which may be shared", () =>
  onEach(async (source) => {
    for (const memory of [new ArrayBuffer(8), new SharedArrayBuffer(8)]) {
      const target = new Uint8Array(memory);
      await source.readInto!(1, target.subarray(3, 6));
      assertEquals([...target], [0, 0, 0, 2, 3, 4, 0, 0]);
      await source.readInto!(5, new Uint8Array());
      for (const offset of [3, -1, 0.5]) {
        await assertRejects(() => source.readInto!(offset, target.subarray(0, 3)), WeightsError, "Cannot read 3 bytes");
      }
      assertEquals(target[0], 0);
    }
  }));

Deno.test("openFile notices that a file became shorter", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeFile(path, BYTES);
    const source = await openFile(path);
    await Deno.truncate(path, 2);
    await assertRejects(() => source.read(0, 5), WeightsError, "expected 5 bytes, found its end at 2");
    const filling = () => source.readInto!(0, new Uint8Array(5));
    await assertRejects(filling, WeightsError, "expected 5 bytes, found its end at 2");
    await source.close();
    await assertRejects(filling, WeightsError, "it was closed");
  }));

Deno.test("openFile refuses folders and missing files", () =>
  withFolder(async (folder) => {
    await assertRejects(() => openFile(folder), WeightsError, "expected a file, found a folder");
    await assertRejects(() => openFile(join(folder, "none")), WeightsError, "ENOENT");
  }));
