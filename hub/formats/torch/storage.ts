/**
 * Storages in a zip archive. Each is unpacked once for all tensors that are views of it.
 *
 * @module
 */

import type { ByteSource, Span } from "../byte_source.ts";
import { WeightsError } from "../../errors.ts";
import { showText } from "../../show.ts";
import type { StorageReader } from "./state_dict.ts";
import type { ZipEntry } from "./zip.ts";
import { checkZipEntry, costOfSpans, lengthOf, readStoredSpan, readZipSpans } from "./zip_entry.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Most bytes of an archive that are unpacked without being part of a tensor. */
const MAX_WASTED_BYTES = 2 ** 30;

/** Returns a function that opens the storages of an archive by their entries. */
export function zipStorages(source: ByteSource): (entry: ZipEntry) => StorageReader {
  const storages = new Map<ZipEntry, ZipStorage>();
  const allowance = { left: MAX_WASTED_BYTES };
  return (entry) => {
    const storage = storages.get(entry) ?? new ZipStorage(source, entry, allowance);
    storages.set(entry, storage);
    return storage;
  };
}

class ZipStorage implements StorageReader {
  readonly #source: ByteSource;
  readonly #entry: ZipEntry;
  readonly #allowance: { left: number };
  #expected: readonly Span[] = [];
  #unread = 0;
  #checked?: Promise<void>;
  #unpacked?: Promise<Map<string, Bytes>>;

  /** `allowance` is shared by all storages of the archive: the bytes that may still be unpacked in vain. */
  constructor(source: ByteSource, entry: ZipEntry, allowance: { left: number }) {
    this.#source = source;
    this.#entry = entry;
    this.#allowance = allowance;
  }

  expect(spans: readonly Span[]): void {
    this.#expected = spans.filter(({ begin, end }) => begin < end);
    this.#unread = this.#expected.length;
    this.#unpacked = undefined;
  }

  async read(span: Span): Promise<Bytes> {
    if (span.begin === span.end) return new Uint8Array();
    const isWhole = span.end - span.begin === this.#entry.size;
    return this.#entry.method === 0 && !isWhole ? await this.#readStored(span) : await this.#readUnpacked(span);
  }

  async #readStored(span: Span): Promise<Bytes> {
    await (this.#checked ??= this.#check());
    return await readStoredSpan(this.#source, this.#entry, span);
  }

  /** Checks the checksum, which takes reading the whole entry, if most of it is read anyway. */
  async #check(): Promise<void> {
    const isCheap = costOfSpans(this.#entry, merge(this.#expected)) === this.#entry.size;
    if (isCheap) await checkZipEntry(this.#source, this.#entry);
  }

  async #readUnpacked(span: Span): Promise<Bytes> {
    const unpacked = this.#unread > 0 ? await (this.#unpacked ??= this.#unpack()) : undefined;
    const bytes = unpacked?.get(keyOf(span));
    if (!bytes) return (await readZipSpans(this.#source, this.#entry, [span]))[0];
    const isLast = --this.#unread === 0;
    if (isLast) this.expect([]);
    return isLast && bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
  }

  /** Unpacks all announced spans, by their position. */
  async #unpack(): Promise<Map<string, Bytes>> {
    const spans = merge(this.#expected);
    this.#allow(spans);
    const parts = await readZipSpans(this.#source, this.#entry, spans);
    const found = new Map<string, Bytes>();
    let part = 0;
    for (const { begin, end } of inOrder(this.#expected)) {
      while (begin >= spans[part].end) part++;
      found.set(keyOf({ begin, end }), parts[part].subarray(begin - spans[part].begin, end - spans[part].begin));
    }
    return found;
  }

  #allow(spans: readonly Span[]): void {
    const [cost, needed] = [costOfSpans(this.#entry, spans), lengthOf(spans)];
    this.#allowance.left -= cost - needed;
    if (this.#allowance.left >= 0) return;
    throw new WeightsError(
      `Cannot read ${this.#source.name}: its tensors take ${needed} bytes of ${showText(this.#entry.name)}, of which ` +
        `${cost} would have to be unpacked. Save clones of the tensors, or an archive that is not deflated`,
    );
  }
}

function inOrder(spans: readonly Span[]): Span[] {
  return spans.toSorted((a, b) => a.begin - b.begin);
}

/** Sorts spans, and merges those that touch or overlap. */
function merge(spans: readonly Span[]): Span[] {
  const merged: { begin: number; end: number }[] = [];
  for (const { begin, end } of inOrder(spans)) {
    const last = merged.at(-1);
    if (last && begin <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ begin, end });
  }
  return merged;
}

function keyOf({ begin, end }: Span): string {
  return `${begin}-${end}`;
}
