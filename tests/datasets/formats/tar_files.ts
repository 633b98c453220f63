/** Makes tar archives byte by byte, valid and malicious ones. */
import { bytesOf, type Part } from "../../hub/files.ts";

/** An entry of an archive. */
export interface RawEntry {
  name: string;
  data?: Part;
  /** The character for its kind; default `0`, a file. */
  type?: string;
  /** What the header has as size instead of that of `data`. */
  size?: Part;
  magic?: string;
  prefix?: string;
  /** What the header has as checksum. */
  checksum?: string;
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;

/** The header and the padded data of an entry. */
export function tarEntry(entry: RawEntry): Uint8Array<ArrayBuffer> {
  const { name, data = "", type = "0", magic = "ustar\x0000", prefix = "" } = entry;
  const content = bytesOf(data);
  const header = new Uint8Array(512);
  const put = (offset: number, part: Part) => header.set(bytesOf(part), offset);
  put(0, name);
  put(100, octal(0o644, 8));
  put(124, entry.size ?? octal(content.length, 12));
  put(136, octal(0, 12));
  put(156, type);
  put(257, magic);
  put(345, prefix);
  put(148, "        ");
  put(148, entry.checksum ?? `${octal(header.reduce((sum, byte) => sum + byte), 7)} `);
  return bytesOf(header, content, new Uint8Array((512 - content.length % 512) % 512));
}

/** An archive with its end. */
export function tarFile(...entries: RawEntry[]): Uint8Array<ArrayBuffer> {
  return bytesOf(...entries.map(tarEntry), new Uint8Array(1024));
}

/** A pax header with these records. */
export function paxEntry(records: Record<string, string>, type = "x"): RawEntry {
  const lines = Object.entries(records).map(([key, value]) => {
    const length = bytesOf(` ${key}=${value}\n`).length;
    const digits = `${length + `${length}`.length}`.length;
    return `${length + digits} ${key}=${value}\n`;
  });
  return { name: "PaxHeader", type, data: lines.join("") };
}
