/**
 * Pictures in WebDataset's tar archives.
 *
 * @module
 */

import { showText } from "../../hub/show.ts";
import type { DatasetPicture } from "../types.ts";
import { checkPictureSize, isPictureName, splitName, splitSampleName } from "./names.ts";
import { readTar, type TarEntry } from "./tar.ts";
import { uniqueTexts } from "./unique_keys.ts";

/**
 * Reads the pictures of a tar archive, also a gzipped one, as a stream. The key is WebDataset's, which ends at the first dot of
 * the file's name: that of `train/0001.left.jpg` is `train/0001`. If another picture has that key, it is `train/0001.left`, or
 * else ends in `-2`, `-3`, …. Files that are no pictures, such as `0001.cls`, are skipped.
 *
 * If the archive ends without the blocks that mark its end, it may have been cut short. Then the last item is no picture:
 * its key and name are those of the archive, and `bytes()` throws a `TypeError` that says so.
 *
 * @param chunks the bytes of the archive
 * @param name its name, for messages
 * @throws {TypeError} if the archive is damaged
 *
 * @example
 * ```ts
 * import { encodeTar, picturesOfTar } from "@codebook/vqmodel/datasets";
 * import { assertEquals } from "@std/assert";
 *
 * const picture = { name: "leaves/0001.jpg", bytes: Uint8Array.of(0xff, 0xd8) };
 * const archive = encodeTar(ReadableStream.from([picture]));
 *
 * for await (const { key, name, bytes } of picturesOfTar(archive, "train.tar")) {
 *   assertEquals([key, name], ["leaves/0001", "train.tar/leaves/0001.jpg"]);
 *   assertEquals(await bytes(), picture.bytes);
 * }
 * ```
 */
export async function* picturesOfTar(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<DatasetPicture> {
  const unique = uniqueTexts();
  const keys = new Set<string>();
  let hasEnd = true;
  for await (const entry of readTar(chunks, name, { onMissingEnd: () => hasEnd = false })) {
    if (!isPictureName(entry.name)) continue;
    const { key: sample } = splitSampleName(entry.name);
    const key = unique(keys.has(sample) ? splitName(entry.name).key : sample);
    keys.add(key);
    yield { key, name: `${name}/${entry.name}`, bytes: () => bytesOf(entry) };
  }
  if (!hasEnd) yield { key: name, name, bytes: () => Promise.reject(mayBeCut(name)) };
}

function mayBeCut(name: string): TypeError {
  return new TypeError(
    `Cannot read ${
      showText(name)
    } to its end: expected two blocks of zeros, found none. It may be cut short, and pictures ` +
      "missing; fetch it again",
  );
}

async function bytesOf({ size, bytes }: TarEntry): Promise<Uint8Array<ArrayBuffer>> {
  checkPictureSize(size);
  return await bytes();
}
