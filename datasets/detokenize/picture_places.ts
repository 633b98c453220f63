/**
 * Where pictures go that are made of tokens: a folder, or an archive.
 *
 * @module
 */

import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "../../hub/mod.ts";
import { reasonOf } from "../../hub/show.ts";
import { decodePicture, type Picture } from "../../mod.ts";
import { encodeTar, type TarFile } from "../formats/tar.ts";
import { type HeldLock, takeLock } from "../output/lock.ts";
import { PACKAGE } from "../output/manifest.ts";
import { hashOf, makeFolder, publish } from "../output/publish.ts";
import {
  checkSamePictures,
  type DetokenizeFailure,
  encodePicturesManifest,
  parsePicturesManifest,
  type PictureSettings,
  type PicturesManifest,
} from "./manifest.ts";

/** Where pictures go. Made by {@linkcode pictureFolder} or {@linkcode pictureArchive}. */
export interface PicturePlace {
  /** The folder or archive. */
  readonly path: string;
  /** Opens it. Used by `detokenizeFiles`. */
  open(settings: PictureSettings, options: { verify: boolean }): Promise<OpenPictures>;
}

/** A place that pictures are being written to. */
export interface OpenPictures {
  /** The manifest, if all pictures are there. */
  readonly finished?: PicturesManifest;
  /** Whether a picture of an earlier run is there as a whole. */
  has(name: string, size: readonly [width: number, height: number]): Promise<boolean>;
  /** Saves a picture. */
  save(name: string, picture: Picture): Promise<void>;
  /** Records that all pictures are there. */
  finish(names: readonly string[], failures: readonly DetokenizeFailure[]): Promise<PicturesManifest>;
  /** Lets other runs write there. A place where this run began, and saved nothing, is as it was before. */
  close(): Promise<void>;
}

/** The files of a place. */
interface Files {
  /** The place, for messages. */
  readonly name: string;
  /** The folder of the pictures. */
  readonly folder: string;
  readonly manifest: string;
  readonly failures: string;
  /** A folder for what is not finished, in the same file system. */
  readonly work: string;
  /** The archive, if pictures end in one; their folder is removed then. */
  readonly archive?: string;
}

/** A folder of pictures `KEY.png`, with `manifest.json`, and `failures.jsonl` if some could not be made. */
export function pictureFolder(path: string): PicturePlace {
  return placeOf({
    name: path,
    folder: path,
    manifest: join(path, "manifest.json"),
    failures: join(path, "failures.jsonl"),
    work: join(path, ".unfinished"),
  });
}

/**
 * A tar archive of pictures `KEY.png`, with `FILE.manifest.json`, and `FILE.failures.jsonl` if some could not be made. Until all
 * are there, they are kept in the folder `FILE.parts`.
 */
export function pictureArchive(path: string): PicturePlace {
  return placeOf({
    name: path,
    folder: `${path}.parts`,
    manifest: `${path}.manifest.json`,
    failures: `${path}.failures.jsonl`,
    work: join(`${path}.parts`, ".unfinished"),
    archive: path,
  });
}

function placeOf(files: Files): PicturePlace {
  const { name, folder, manifest, work, archive } = files;
  return {
    path: name,
    async open(settings, { verify }) {
      await checkNothingForeign(files);
      const task = `Cannot write pictures to ${name}`;
      await makeFolder(work, task);
      const lock = await takeLock(join(work, "lock"), task);
      try {
        for (const file of await readdir(work)) if (file !== "lock") await rm(join(work, file), { recursive: true });
        const known = await readManifest(manifest);
        if (known) checkSamePictures(known, settings, name);
        else await publish(manifest, encodePicturesManifest({ package: PACKAGE, ...settings }), work);
        const isWhole = archive !== undefined && known?.archive !== undefined &&
          await isSame(archive, known.archive, verify);
        // What is missing then is kept in parts again, until all is there.
        if (archive !== undefined && known?.archive !== undefined && !isWhole) {
          await publish(manifest, encodePicturesManifest({ package: PACKAGE, ...settings }), work);
        }
        return openPlace(files, settings, lock, { isNew: !known, verify, finished: isWhole ? known : undefined });
      } catch (error) {
        await rm(work, { recursive: true, force: true });
        await rmdir(folder).catch(() => {}); // unless it holds something
        lock.release();
        throw error;
      }
    },
  };
}

function openPlace(
  { folder, manifest, failures, work, archive }: Files,
  settings: PictureSettings,
  lock: HeldLock,
  { isNew, verify, finished }: { isNew: boolean; verify: boolean; finished?: PicturesManifest },
): OpenPictures {
  const folders = new Set<string>();
  const pathOf = (name: string) => join(folder, `${name}.png`);
  let isUnused = isNew;

  async function* archived(names: readonly string[]): AsyncGenerator<TarFile> {
    for (const name of names) yield { name: `${name}.png`, bytes: new Uint8Array(await readFile(pathOf(name))) };
  }

  return {
    finished,
    async has(name, size) {
      if (isNew || !await isWholePicture(pathOf(name), size, verify)) return false;
      folders.add(dirname(pathOf(name)));
      return true;
    },
    async save(name, picture) {
      const path = pathOf(name);
      const parent = dirname(path);
      const temporary = join(work, `${crypto.randomUUID()}.png`);
      try {
        if (!folders.has(parent)) await mkdir(parent, { recursive: true });
        folders.add(parent);
        await picture.save(temporary);
        await rename(temporary, path);
      } catch (cause) {
        if ((cause as Error)?.name === "NotCapable") throw cause; // says which permission to give
        const reason = reasonOf((cause as Error)?.cause ?? cause);
        const advice = "Make room if the disk is full, and run the same command again";
        throw new TypeError(`Cannot write ${path}: ${reason}. ${advice}`, { cause });
      }
      isUnused = false;
    },
    async finish(names, failed) {
      isUnused = false;
      if (archive === undefined) await Promise.all([...folders].map(syncFolder));
      const digest = archive === undefined ? undefined : await publish(archive, encodeTar(archived(names)), work);
      if (failed.length === 0) await rm(failures, { force: true });
      else await publish(failures, failed.map((failure) => `${JSON.stringify(failure)}\n`).join(""), work);
      const counts = { pictures: names.length, failures: failed.length };
      const text = encodePicturesManifest({ package: PACKAGE, ...settings, ...counts, archive: digest });
      await publish(manifest, text, work);
      return parsePicturesManifest(new TextEncoder().encode(text), manifest);
    },
    async close() {
      if (isUnused) await rm(manifest, { force: true });
      const isDone = isUnused || finished !== undefined || (await readManifest(manifest))?.pictures !== undefined;
      if (isDone) await rm(archive === undefined || isUnused ? work : folder, { recursive: true, force: true });
      if (isUnused) await rmdir(folder).catch(() => {}); // unless it holds something
      lock.release();
    },
  };
}

/**
 * Checks that a place does not hold pictures of unknown origin, such as those that the tokens were made of.
 *
 * @throws {RangeError} if it does
 */
async function checkNothingForeign({ name, folder, manifest, archive }: Files): Promise<void> {
  if (await isThere(manifest)) return;
  const advice = `no ${basename(manifest)} that says what it is. Choose another place`;
  if (archive !== undefined && await isThere(archive)) {
    throw new RangeError(`Cannot write pictures to ${name}: it is there, and ${advice}`);
  }
  const files: string[] = await readdir(folder, { recursive: true }).catch(() => []);
  const foreign = files.find((file) => /\.png$/i.test(file) && !file.startsWith(".unfinished"));
  if (foreign !== undefined) {
    throw new RangeError(`Cannot write pictures to ${name}: it holds ${foreign} and ${advice}`);
  }
}

async function readManifest(path: string): Promise<PicturesManifest | undefined> {
  return await isThere(path) ? parsePicturesManifest(await readFile(path), path) : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

async function isSame(path: string, { bytes, sha256 }: { bytes: number; sha256: string }, verify: boolean) {
  const there = await stat(path).catch(() => undefined);
  return there?.size === bytes && (!verify || await hashOf(path) === sha256);
}

/** Bytes of a PNG's signature and header, and of the chunk at its end. */
const [HEADER_BYTES, END_BYTES] = [33, 12];
const [WIDTH_AT, HEIGHT_AT] = [16, 20];

/** Whether a file is a PNG of a size from its header to its end; with `verify`, whether all between can be decoded. */
async function isWholePicture(
  path: string,
  [width, height]: readonly [number, number],
  verify: boolean,
): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const { size } = await file.stat();
    const { buffer: header } = await file.read(new Uint8Array(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const { buffer: end } = await file.read(new Uint8Array(END_BYTES), 0, END_BYTES, Math.max(0, size - END_BYTES));
    const fields = new DataView(header.buffer);
    const isWhole = fields.getUint32(WIDTH_AT) === width && fields.getUint32(HEIGHT_AT) === height &&
      new TextDecoder("latin1").decode(end).startsWith("\0\0\0\0IEND");
    return isWhole && (!verify || await decodePicture(await readFile(path)).then(() => true, () => false));
  } finally {
    await file.close();
  }
}
