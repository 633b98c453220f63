/**
 * The interface of a reader to be fuzzed.
 *
 * @module
 */

import type { Bytes, Mutate } from "../mutations/bytes.ts";

/** A reader and its inputs. */
export interface Target {
  /** Such as `"picture/png"`. */
  readonly name: string;
  /** The extension of its inputs when they are written to a file. */
  readonly extension: string;
  /** Valid inputs, which are then damaged. */
  samples(): readonly Bytes[];
  /** Damages an input in a way that suits its format. */
  readonly mutate: Mutate;
  /** Reads an input, or refuses it with an error. */
  read(bytes: Bytes): Promise<unknown>;
}

const FIXTURES = new URL("../../../tests/fixtures/", import.meta.url);

/** Larger samples take long to damage, and find no more faults than smaller ones. */
const LARGEST_SAMPLE = 1_500_000;

/** The fixtures in some folders with an extension, sorted by name, read when they are first needed. */
export function fixtures(extension: string, ...folders: string[]): () => readonly Bytes[] {
  return once(() => folders.flatMap((folder) => filesIn(new URL(`${folder}/`, FIXTURES), extension)));
}

/** One fixture. */
export function fixture(path: string): Bytes {
  return Deno.readFileSync(new URL(path, FIXTURES));
}

/** A new directory with files at these paths, which the parent process removes. */
export function directoryOf(files: Readonly<Record<string, Bytes>>): string {
  const directory = Deno.makeTempDirSync();
  for (const [path, bytes] of Object.entries(files)) {
    const place = `${directory}/${path}`;
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(place, bytes);
  }
  return directory;
}

/** Makes a value when it is first needed. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function filesIn(folder: URL, extension: string): Bytes[] {
  return [...Deno.readDirSync(folder)]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => Deno.readFileSync(new URL(name, folder)))
    .filter(({ length }) => length <= LARGEST_SAMPLE);
}
