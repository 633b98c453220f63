/**
 * What is recorded of pictures that were made of tokens.
 *
 * @module
 */

import { parseJson } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import { checkSame, flatModel, type TokenSettings } from "../output/manifest.ts";
import type { FileDigest } from "../output/publish.ts";

/** A file of tokens. */
export interface InputEntry extends FileDigest {
  /** Its name, without folders. */
  readonly name: string;
}

/** How pictures were made: all that changes them. */
export interface PictureSettings {
  /** The model, as in the manifest of tokens. */
  readonly model: TokenSettings["model"];
  /** The range of the model's pixels: `"signed"` for -1 to 1, or `"unit"` for 0 to 1. */
  readonly pixels: "signed" | "unit";
  /** Rows and columns of tokens, if they were passed. */
  readonly grid?: readonly [h: number, w: number];
  /** The files of tokens, in their order. */
  readonly inputs: readonly InputEntry[];
}

/** The content of the `manifest.json` of pictures. */
export interface PicturesManifest extends PictureSettings {
  /** The package that made the pictures, and its version. */
  readonly package: string;
  /** Number of pictures; absent until all are there. */
  readonly pictures?: number;
  /** Number of records and files of tokens that could not be read or decoded. */
  readonly failures?: number;
  /** The archive of the pictures, if they are in one. */
  readonly archive?: FileDigest;
}

/** A line of the `failures.jsonl` of pictures. */
export interface DetokenizeFailure {
  /** The name of the file of tokens, without folders. */
  readonly file: string;
  /** The key of the record, or where it is in its file; of a file that cannot be read, its name. */
  readonly key: string;
  /** Why there is no picture of it. */
  readonly reason: string;
}

/** The text of `manifest.json`. It depends on the pictures alone, and not on when or where they were made. */
export function encodePicturesManifest(manifest: PicturesManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/**
 * Reads the text of `manifest.json`.
 *
 * @param name of the file, for messages
 * @throws {TypeError} if it is not a manifest of pictures
 */
export function parsePicturesManifest(bytes: Uint8Array, name: string): PicturesManifest {
  const task = `Cannot read ${name}`;
  const value = parseJson(bytes, task, TypeError) as Partial<PicturesManifest> | null;
  const { model, inputs, archive } = Object(value) as Partial<PicturesManifest>;
  const isValid = Object(model) === model && Array.isArray(inputs) &&
    inputs.every((input) => Object(input) === input) &&
    (archive === undefined || Object(archive) === archive);
  if (isValid) return value as PicturesManifest;
  throw new TypeError(`${task}: expected a manifest of pictures made of tokens, found ${show(value)}`);
}

/**
 * Checks that pictures are made as those that are in a place already. Names of models and files may differ.
 *
 * @throws {RangeError} if they are not, with what differs
 */
export function checkSamePictures(there: PictureSettings, now: PictureSettings, place: string): void {
  checkSame(flatSettings(there), flatSettings(now), `Cannot write pictures to ${place}: it holds pictures`);
}

function flatSettings({ model, pixels, grid, inputs }: PictureSettings): Map<string, unknown> {
  return new Map<string, unknown>([
    ...flatModel(model),
    ["pixels", pixels],
    ["grid", grid?.join("x")],
    ["number of inputs", inputs.length],
    ...inputs.map(({ sha256 }, i) => [`SHA-256 of input ${i + 1}`, sha256] as const),
  ]);
}
