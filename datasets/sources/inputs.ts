/**
 * What callers name as inputs: files, folders, globs, lists and URLs, expanded to single files.
 *
 * @module
 */

import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isPictureName } from "../formats/names.ts";
import { isArchive } from "./archives.ts";
import { expandBraces } from "./braces.ts";
import { isGlob, matchGlob } from "./globs.ts";
import { type InputFile, isUrl } from "./input_file.ts";

/**
 * Expands inputs to files, in the given order; those of a folder or a glob are sorted by their path.
 *
 * - a folder: the pictures in it, at any depth; hidden files and folders, pipes and devices are left out, and inner folders
 *   that cannot be read fail as pictures do
 * - a glob such as `data/*.jpg`, `**` for any depth and `{000..099}` for numbers: its pictures and archives
 * - `@list.txt`: an input on each line; paths are relative to the list's folder, or else to the working directory. Empty lines,
 *   and those that begin with `#`, are left out; a file of such a name is `./#name`
 * - a URL, `https:` or `hf://datasets/OWNER/NAME/PATH`, also with `{000..099}`
 *
 * A picture or an archive that is not there is an input that cannot be read, unless none is there at all.
 *
 * @throws {TypeError} if there is none of these files, no such folder, or no picture in a folder
 */
export async function expandInputs(inputs: readonly string[]): Promise<InputFile[]> {
  const groups: InputFile[][] = [];
  for (const input of inputs) {
    const isList = input.startsWith("@") && !await exists(input);
    for (const line of isList ? await linesOf(input.slice(1)) : [input]) groups.push(await expandInput(line));
  }
  const files = groups.flat();
  if (files.length === 0) throw new TypeError("Cannot read pictures: expected an input, found no input");
  if (files.every(({ isMissing }) => isMissing)) throw nothingAt(files[0].address);
  return files;
}

async function linesOf(list: string): Promise<string[]> {
  const text = await readFile(list, "utf-8").catch((cause) => {
    throw new TypeError(`Cannot read the list ${list}: ${cause.message}`, { cause });
  });
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const inputs = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return await Promise.all(inputs.map((line) => addressIn(dirname(list), line)));
}

/** What a line of a list means: a path in the list's folder or, if only that is there, in the working directory. */
async function addressIn(folder: string, line: string): Promise<string> {
  if (isUrl(line) || isAbsolute(line)) return line;
  const path = join(folder, line);
  return await isNamed(path) || !await isNamed(line) ? path : line;
}

async function isNamed(path: string): Promise<boolean> {
  if (await exists(path)) return true;
  if (!isGlob(path)) return false;
  for await (const _ of (await matchGlob(path)).names) return true;
  return false;
}

async function expandInput(input: string): Promise<InputFile[]> {
  if (isUrl(input) && !input.startsWith("file:")) return expandBraces(input).map(fileAtUrl);
  const path = input.startsWith("file:") ? fileURLToPath(input) : input;
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return await filesOfFolder(path);
  if (found) return [{ address: path, name: nameOf(path), size: found.size }];
  if (isGlob(path)) return await filesOfGlob(path);
  if (isPictureName(path) || isArchive(path)) return [{ address: path, name: nameOf(path), isMissing: true }];
  throw nothingAt(input);
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1)!;
}

function nothingAt(input: string): TypeError {
  return new TypeError(`Cannot read ${input}: expected a file, a folder or a glob, found nothing there`);
}

function fileAtUrl(address: string): InputFile {
  if (!URL.canParse(address)) throw new TypeError(`Cannot read ${address}: expected a URL`);
  const { protocol, pathname } = new URL(address);
  return { address, name: /^(data|blob):/.test(protocol) ? "picture" : pathname.split("/").at(-1)! };
}

async function filesOfFolder(folder: string): Promise<InputFile[]> {
  const names = (await namesIn(folder, new Set())).sort();
  if (names.length > 0) return names.map((name) => ({ address: join(folder, name), name, folder }));
  throw new TypeError(
    `Cannot read ${folder}: expected pictures in it, found none. Archives in a folder are named by a glob: ` +
      `"${join(folder, "*.tar")}"`,
  );
}

/**
 * The pictures in a folder, at any depth, by their path below it, and folders that cannot be read, which fail as pictures do.
 * Links to folders are followed, but not in circles.
 */
async function namesIn(folder: string, above: ReadonlySet<string>): Promise<string[]> {
  const real = await realpath(folder);
  if (above.has(real)) return [];
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    const found = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
    if (found?.isDirectory()) {
      const inner = await namesIn(path, new Set(above).add(real)).catch(() => undefined);
      names.push(...inner?.map((name) => `${entry.name}/${name}`) ?? [entry.name]);
    } else if (isReadable(found) && isPictureName(entry.name)) names.push(entry.name);
  }
  return names;
}

async function filesOfGlob(pattern: string): Promise<InputFile[]> {
  const { base, names } = await matchGlob(pattern);
  const files: InputFile[] = [];
  for await (const name of names) {
    if (!isPictureName(name) && !isArchive(name)) continue;
    const address = base + name;
    const found = await stat(address).catch(() => undefined);
    if (isReadable(found)) files.push({ address, name, size: found?.size });
  }
  if (files.length === 0) throw nothingAt(pattern);
  return [...files, ...missingOf(pattern, files)].sort((a, b) => a.address < b.address ? -1 : 1);
}

/** The archives that the braces of a pattern name and that are not there. */
function missingOf(pattern: string, files: readonly InputFile[]): InputFile[] {
  const found = new Set(files.map(({ address }) => resolve(address)));
  const named = expandBraces(pattern).filter((path) => !isGlob(path) && isArchive(path));
  const missing = named.filter((path) => !found.has(resolve(path)));
  return missing.map((address) => ({ address, name: nameOf(address), isMissing: true }));
}

/** Whether reading ends: of a pipe it may not. A link that leads nowhere fails as a picture. */
function isReadable(found: { isFile(): boolean } | undefined): boolean {
  return found?.isFile() ?? true;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}
