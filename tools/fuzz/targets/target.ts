/**
 * What a reader is to the fuzzer.
 *
 * @module
 */

import type { Bytes, Mutate } from "../mutations/bytes.ts";

/** A reader, and what it is given. */
export interface Target {
  /** Such as `"picture/png"`. */
  readonly name: string;
  /** The extension of its inputs, where one is written to a file. */
  readonly extension: string;
  /** Inputs that it reads, to make others of. */
  samples(): readonly Bytes[];
  /** Damages an input where it hurts. */
  readonly mutate: Mutate;
  /** Reads an input, or refuses it with an error. */
  read(bytes: Bytes): Promise<unknown>;
}

const FIXTURES = new URL("../../../tests/fixtures/", import.meta.url);

/** Larger samples take long to damage, and find nothing that smaller ones do not. */
const LARGEST_SAMPLE = 1_500_000;

/** Fixtures with an extension in folders, in the order of their names, read when they are first needed. */
export function fixtures(extension: string, ...folders: string[]): () => readonly Bytes[] {
  return once(() => folders.flatMap((folder) => filesIn(new URL(`${folder}/`, FIXTURES), extension)));
}

/** One fixture. */
export function fixture(path: string): Bytes {
  return Deno.readFileSync(new URL(path, FIXTURES));
}

/** A new directory with files at these paths; whoever started the process removes it. */
export function directoryOf(files: Readonly<Record<string, Bytes>>): string {
  const directory = Deno.makeTempDirSync();
  for (const [path, bytes] of Object.entries(files)) {
    const place = `${directory}/${path}`;
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(place, bytes);
  }
  return directory;
}

/** Makes something when it is first asked for. */
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
