/**
 * Pictures in WebDataset's tar archives.
 *
 * @module
 */

import { show, showText } from "../../hub/show.ts";
import type { DatasetPicture } from "../types.ts";
import { checkPictureSize, isPictureName, splitName } from "./names.ts";
import { readTar, type TarEntry } from "./tar.ts";

/**
 * Reads the pictures of a tar archive, also a gzipped one, as a stream. The key of `train/0001.jpg` is
 * `train/0001`; files that are no pictures, such as `0001.cls`, are skipped.
 *
 * @param chunks the bytes of the archive
 * @param name its name, for messages
 * @throws {TypeError} if the archive is damaged, or two pictures have the same key
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
  const keys = new Set<string>();
  for await (const entry of readTar(chunks, name)) {
    if (!isPictureName(entry.name)) continue;
    const { key } = splitName(entry.name);
    if (keys.has(key)) {
      throw new TypeError(`Cannot read ${showText(name)}: expected one picture of each key, found ${show(key)} twice`);
    }
    keys.add(key);
    yield { key, name: `${name}/${entry.name}`, bytes: () => bytesOf(entry) };
  }
}

async function bytesOf({ size, bytes }: TarEntry): Promise<Uint8Array<ArrayBuffer>> {
  checkPictureSize(size);
  return await bytes();
}
