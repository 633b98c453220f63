/** What stands in for Node's modules in browsers: the global `process` is missing in these tests. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HubError, isLocalPath, readBytes, saveFile } from "../../../hub/mod.ts";
import { crc32 } from "../../../hub/system/checksum.ts";
import { defaultCacheDir, isOfflineMode } from "../../../hub/system/environment.ts";
import { join } from "../../../hub/system/file_paths.ts";
import { startHash } from "../../../hub/system/hash.ts";
import { chunksOf, streamOf } from "../../../hub/system/streams.ts";
import { withoutGlobals } from "../../support/missing_globals.ts";

/** Sizes around the blocks of the hashes. */
const SIZES = [0, 1, 55, 56, 63, 64, 65, 1000, 100_000];

/** Bytes in parts of several sizes. */
function partsOf(bytes: Uint8Array): Uint8Array[] {
  return [bytes.subarray(0, 3), bytes.subarray(3, 3), bytes.subarray(3, 70), bytes.subarray(70)];
}

function sample(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * i + 7 * i) % 251);
}

async function hashes(bytes: Uint8Array): Promise<string[]> {
  return await Promise.all((["sha1", "sha256"] as const).map(async (algorithm) => {
    const hash = await startHash(algorithm);
    for (const part of partsOf(bytes)) hash.update(part);
    return hash.hex();
  }));
}

for (const size of SIZES) {
  Deno.test(`hashes and checksums of ${size} bytes are the same with and without Node's modules`, async () => {
    const bytes = sample(size);
    const checksum = () => partsOf(bytes).reduce((sum, part) => crc32(part, sum), 0);
    const expected = [...await hashes(bytes), checksum()];
    await withoutGlobals(["process"], async () => assertEquals([...await hashes(bytes), checksum()], expected));
  });
}

Deno.test("without a file system, files cannot be used, and nothing else fails", async () => {
  await withoutGlobals(["process"], async () => {
    await assertRejects(() => readBytes("picture.png"), HubError, "without a file system");
    await assertRejects(() => saveFile("picture.png", new Uint8Array(), "picture"), TypeError, "without a file system");
    assertThrows(() => join("a", "b"), HubError, "without a file system");
    assertEquals([defaultCacheDir(), isOfflineMode()], [undefined, false]);
    assertEquals(await isLocalPath("examples/models"), false); // a repository's name, as there are no folders
  });
});

Deno.test("a stream of chunks is read back, and one that is not read to the end ends its source", async () => {
  let ended = false;
  async function* numbers() {
    try {
      for (let i = 0; i < 5; i++) yield await Promise.resolve(i);
    } finally {
      ended = true;
    }
  }
  assertEquals(await Array.fromAsync(chunksOf(streamOf(numbers()))), [0, 1, 2, 3, 4]);
  ended = false;
  for await (const number of chunksOf(streamOf(numbers()))) if (number === 1) break;
  assertEquals(ended, true);
});
