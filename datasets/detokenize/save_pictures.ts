/**
 * Saves the pictures of a data set: as files in a folder, or in an archive.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { show } from "../../hub/show.ts";
import { encodeTar, type TarFile } from "../formats/tar.ts";
import { publish } from "../output/publish.ts";
import { withUniqueKeys } from "../output/unique_keys.ts";
import type { DetokenizedPicture } from "./dataset.ts";

/**
 * Saves pictures as `KEY.png` below a folder, each as a whole or not at all.
 *
 * @param onPicture called when a picture was saved
 * @throws {TypeError} if a file cannot be written
 * @throws {RangeError} if a key is no path below the folder
 */
export async function savePictures(
  pictures: AsyncIterable<DetokenizedPicture>,
  folder: string,
  onPicture: () => void = () => {},
): Promise<void> {
  const folders = new Set<string>();
  for await (const { key, picture } of withUniqueKeys(pictures)) {
    const path = join(folder, `${checkKey(key)}.png`);
    const parent = dirname(path);
    if (!folders.has(parent)) await mkdir(parent, { recursive: true });
    folders.add(parent);
    await picture.save(path);
    onPicture();
  }
}

/**
 * Saves pictures as `KEY.png` in a tar archive, which is written as a whole or not at all.
 *
 * @param onPicture called when a picture was written
 * @throws {TypeError} if it cannot be written
 * @throws {RangeError} if a key is no path below a folder
 */
export async function savePictureArchive(
  pictures: AsyncIterable<DetokenizedPicture>,
  path: string,
  onPicture: () => void = () => {},
): Promise<void> {
  async function* files(): AsyncGenerator<TarFile> {
    for await (const { key, picture } of withUniqueKeys(pictures)) {
      yield { name: `${checkKey(key)}.png`, bytes: picture.encode("png") };
      onPicture();
    }
  }
  await publish(path, encodeTar(files()), dirname(path));
}

/** Refuses keys that lead out of their folder, or are no names of files. */
function checkKey(key: string): string {
  // deno-lint-ignore no-control-regex -- control characters act on terminals
  const isName = (part: string) => !/^\.{0,2}$/.test(part) && !/[\\:\0-\x1f\x7f]/.test(part);
  if (key.split("/").every(isName)) return key;
  throw new RangeError(`Cannot save picture: expected a key that is a path below the folder, found ${show(key)}`);
}
