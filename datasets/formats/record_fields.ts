/**
 * What is stored of a record beside its indices.
 *
 * @module
 */

import { INTEGER_TYPES } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";

/** A record without its indices, and what it shares with the others, as a JSON object. */
export type RecordFields = Omit<TokenRecord, "indices"> & Pick<TokenSetInfo, "model" | "codebook" | "codes">;

/** The fields of a record to store, in their order; `undefined` for those it does not have. */
export function fieldsOf(
  { key, shape, width, height, sha256, augment }: TokenRecord,
  { model, codebook, codes }: TokenSetInfo,
): RecordFields {
  return { key, shape, width, height, sha256, augment, model, codebook, codes };
}

/** What the records of a file share, as texts. */
export function infoFields({ dtype, model, codebook, codes }: TokenSetInfo): Record<string, string> {
  return definedOf({ dtype, model, codebook, codes: codes?.toString() }) as Record<string, string>;
}

/** What the records of a file share, from texts in it. Texts that mean something else are left out. */
export function infoOf(fields: Readonly<Record<string, unknown>>): Partial<TokenSetInfo> {
  const { model, codebook } = checkFields({ model: fields.model, codebook: fields.codebook }, "");
  const codes = /^[1-9]\d{0,9}$/.test(`${fields.codes}`) ? Number(fields.codes) : undefined;
  return definedOf({ dtype: isDtype(fields.dtype) ? fields.dtype : undefined, model, codebook, codes });
}

/**
 * Checks fields of a file that is not trusted. Fields of other programs, which mean something else, are left out.
 *
 * @param task the beginning of messages
 * @throws {TypeError} if the key is no text
 */
export function checkFields(value: unknown, task: string): Partial<RecordFields> {
  const { key, shape, width, height, sha256, augment, model, codebook, codes } = Object(value) as Record<
    string,
    unknown
  >;
  if (key !== undefined && typeof key !== "string") {
    throw new TypeError(`${task}: expected a text as key, found ${show(key)}`);
  }
  return definedOf({
    key,
    shape: isGrid(shape) ? shape : undefined,
    width: isSide(width) ? width : undefined,
    height: isSide(height) ? height : undefined,
    sha256: isHash(sha256) ? sha256 : undefined,
    augment: augment === "hflip" ? augment : undefined,
    model: typeof model === "string" ? model : undefined,
    codebook: isHash(codebook) ? codebook : undefined,
    codes: isSide(codes) ? codes : undefined,
  });
}

/** Whether a value is rows and columns of tokens. */
export function isGrid(value: unknown): value is readonly [h: number, w: number] {
  return Array.isArray(value) && value.length === 2 && value.every(isSide);
}

/** An object without the fields that are `undefined`. */
export function definedOf<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function isSide(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number > 0;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isDtype(value: unknown): value is TokenSetInfo["dtype"] {
  return typeof value === "string" && Object.hasOwn(INTEGER_TYPES, value);
}
