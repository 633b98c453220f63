/**
 * What is recorded of a data set's tokens: how they were made, and each file of them.
 *
 * @module
 */

import { parseJson } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import deno from "../../deno.json" with { type: "json" };
import type { DatasetFormat } from "../types.ts";

/** This package and its version, as in {@linkcode Manifest.package}. */
export const PACKAGE: string = `${deno.name} ${deno.version}`;

/** How the tokens of a data set were made: all that changes them. */
export interface TokenSettings {
  /** The model. */
  readonly model: {
    /** The name that it was loaded by. */
    readonly name?: string;
    /** The commit of the Hub's repository. */
    readonly commit?: string;
    /** SHA-256 of the codebook, as `Codebook.hash`. */
    readonly codebook: string;
    /** Number of codes in the codebook. */
    readonly codes?: number;
    /** SHA-256 of the configuration as JSON, its keys sorted and defaults filled in. */
    readonly configuration: string;
    /** The element type that it computed in. */
    readonly dtype: string;
  };
  /** How pictures were prepared. */
  readonly preprocessing: Readonly<Record<string, string | number | boolean>>;
  /** The format of the shards. */
  readonly format: DatasetFormat;
  /** The type of the stored numbers. */
  readonly dtype: string;
}

/** A finished file of tokens. */
export interface ShardEntry {
  /** The name of the file. */
  readonly name: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Number of pictures in it, those that failed left out. */
  readonly pictures: number;
  /** Number of tokens in it. */
  readonly tokens: number;
  /** Number of pictures that failed. */
  readonly failures: number;
  /** Rows and columns of tokens, if they are the same for all pictures. */
  readonly shape?: readonly [h: number, w: number];
  /** The shard's `fingerprint`. */
  readonly fingerprint?: string;
}

/** The content of `manifest.json`. */
export interface Manifest extends TokenSettings {
  /** The package that made the tokens, and its version. */
  readonly package: string;
  /** The shards by name. */
  readonly shards: readonly ShardEntry[];
  /** Names of the shards whose archives could not be read: they are missing, or as an earlier run made them. */
  readonly unread?: readonly string[];
}

/** A picture that could not be tokenized; or an archive that could not be read, or may have been cut short. */
export interface PictureFailure {
  /** The picture's key; of an archive, its path or URL. */
  readonly key: string;
  /** Where the picture is; of an archive, its path or URL. */
  readonly name: string;
  /** Why it failed. */
  readonly reason: string;
}

/** A line of `failures.jsonl`. */
export interface TokenFailure extends PictureFailure {
  /** The name of the file that its tokens are missing in. */
  readonly shard: string;
}

/** The text of `manifest.json`. It depends on the tokens alone, and not on when or where they were made. */
export function encodeManifest({ shards, ...rest }: Manifest): string {
  const { package: made, model, preprocessing, format, dtype, unread } = rest;
  const head = JSON.stringify({ package: made, model, preprocessing, format, dtype, unread }, undefined, 2);
  const lines = shards.map((shard) => `\n    ${JSON.stringify(shard)}`);
  return `${head.slice(0, -2)},\n  "shards": [${lines.join(",")}${lines.length > 0 ? "\n  " : ""}]\n}\n`;
}

/**
 * Reads the text of `manifest.json`.
 *
 * @param name of the file, for messages
 * @throws {TypeError} if it is not a manifest
 */
export function parseManifest(bytes: Uint8Array, name: string): Manifest {
  const task = `Cannot read ${name}`;
  const value = parseJson(bytes, task, TypeError) as Partial<Manifest> | null;
  const { model, preprocessing, shards } = Object(value) as Partial<Manifest>;
  if (Object(model) !== model || Object(preprocessing) !== preprocessing || !shards?.every?.(isEntry)) {
    throw new TypeError(`${task}: expected a manifest of tokens, found ${show(value)}`);
  }
  return value as Manifest;
}

function isEntry(value: unknown): value is ShardEntry {
  const { name, sha256, bytes, pictures, tokens, failures } = Object(value) as Partial<ShardEntry>;
  return typeof name === "string" && !/[\\/]/.test(name) && /^[0-9a-f]{64}$/.test(`${sha256}`) &&
    [bytes, pictures, tokens, failures].every((count) => Number.isSafeInteger(count) && count! >= 0);
}

/**
 * Checks that tokens are made as those that are in a place already. The name of a model may differ: it may be a path.
 *
 * @throws {RangeError} if they are not, with what differs
 */
export function checkSameSettings(there: TokenSettings, now: TokenSettings, place: string): void {
  checkSame(flatSettings(there), flatSettings(now), `Cannot write tokens to ${place}: it holds tokens`);
}

/**
 * Checks that settings are the same as those of an earlier run.
 *
 * @param task the beginning of the message, up to what was made otherwise
 * @throws {RangeError} if they are not, with what differs
 */
export function checkSame(before: FlatSettings, after: FlatSettings, task: string): void {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const differences = names.filter((name) => before.get(name) !== after.get(name) && !isUnknown(name, before, after));
  if (differences.length === 0) return;
  const list = differences.slice(0, MAX_DIFFERENCES).map((name) =>
    `${name} is ${show(before.get(name))} there and ${show(after.get(name))} now`
  );
  if (differences.length > list.length) list.push("…");
  throw new RangeError(
    `${task} that were made otherwise: ${list.join("; ")}. Choose another place, or remove what is there`,
  );
}

/** Most differences in a message. */
const MAX_DIFFERENCES = 8;

/** Settings by their names in messages. */
export type FlatSettings = ReadonlyMap<string, unknown>;

/** What identifies a model. Its name may differ: it may be a path. */
export function flatModel({ name: _name, ...model }: TokenSettings["model"]): (readonly [string, unknown])[] {
  return Object.entries(model).map(([key, value]) => [`model ${key}`, value] as const);
}

function flatSettings({ model, preprocessing, format, dtype }: TokenSettings): FlatSettings {
  return new Map<string, unknown>([...flatModel(model), ...Object.entries(preprocessing), ["format", format], [
    "dtype",
    dtype,
  ]]);
}

/** Whether it is not known on one side which commit there was. */
function isUnknown(name: string, ...sides: FlatSettings[]): boolean {
  return name === "model commit" && sides.some((side) => side.get(name) === undefined);
}
