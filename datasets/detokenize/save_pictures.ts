/**
 * Saves the pictures of a data set: as files in a folder, or in an archive.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeTar, type TarFile } from "../formats/tar.ts";
import { publish } from "../output/publish.ts";
import type { DetokenizedPicture } from "./dataset.ts";
import { pictureNames } from "./picture_names.ts";

/**
 * Saves pictures as `KEY.png` below a folder, each as a whole or not at all. What a name of a file cannot have on
 * some system, or what would lead out of the folder, becomes `_`; names that differ at most in case get numbers.
 *
 * @param onPicture called when a picture was saved
 * @throws {TypeError} if a file cannot be written
 */
export async function savePictures(
  pictures: AsyncIterable<DetokenizedPicture>,
  folder: string,
  onPicture: () => void = () => {},
): Promise<void> {
  const folders = new Set<string>();
  for await (const { key, picture } of namedAsFiles(pictures)) {
    const path = join(folder, `${key}.png`);
    const parent = dirname(path);
    if (!folders.has(parent)) await mkdir(parent, { recursive: true });
    folders.add(parent);
    await picture.save(path);
    onPicture();
  }
}

/**
 * Saves pictures in a tar archive, which is written as a whole or not at all; names are those of {@linkcode savePictures}.
 *
 * @param onPicture called when a picture was written
 * @throws {TypeError} if it cannot be written
 */
export async function savePictureArchive(
  pictures: AsyncIterable<DetokenizedPicture>,
  path: string,
  onPicture: () => void = () => {},
): Promise<void> {
  async function* files(): AsyncGenerator<TarFile> {
    for await (const { key, picture } of namedAsFiles(pictures)) {
      yield { name: `${key}.png`, bytes: picture.encode("png") };
      onPicture();
    }
  }
  await publish(path, encodeTar(files()), dirname(path));
}

async function* namedAsFiles(pictures: AsyncIterable<DetokenizedPicture>): AsyncGenerator<DetokenizedPicture> {
  const nameOf = pictureNames();
  for await (const picture of pictures) yield { ...picture, key: nameOf(picture.key) };
}
