/** Pictures of each format and what Pillow 9.4 reads of them, made by `tests/fixtures/pictures/formats/make.py`. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Raster } from "../../../../model/images/raster/raster.ts";
import { fixture } from "../../../support/paths.ts";

/** The functions of a format's codec. */
export interface Codec {
  size(bytes: Uint8Array): { width: number; height: number };
  decode(bytes: Uint8Array): Raster | Promise<Raster>;
}

interface Expected {
  readonly whole: string;
  readonly cut: readonly (string | null)[];
  readonly changed: readonly (string | null)[];
}

const FOLDER = fixture("pictures/formats/");
const EXPECTED: Record<string, Expected> = JSON.parse(Deno.readTextFileSync(FOLDER + "expected.json"));

/** The bytes of a picture. */
export function bytesOf(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(FOLDER + name);
}

/** The names of a format's pictures. */
export function namesOf(extension: string): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(extension)).sort();
}

/** Checks that every picture of the format is read like Pillow, and its size before that. */
export async function assertReadAsByPillow(extension: string, codec: Codec): Promise<void> {
  const names = namesOf(extension);
  assert(names.length > 5);
  for (const name of names) {
    const picture = await codec.decode(bytesOf(name));
    const { width, height } = codec.size(bytesOf(name));
    assertEquals([width, height], [picture.width, picture.height], name);
    assertEquals(await digest(picture), EXPECTED[name].whole, name);
  }
}

/** Checks that every damaged picture is read like Pillow, or refused by a `TypeError` that says why. */
export async function assertDamageIsFound(extension: string, codec: Codec): Promise<void> {
  for (const name of namesOf(extension)) {
    const bytes = bytesOf(name);
    for (const [i, expected] of EXPECTED[name].cut.entries()) {
      await assertReadOrRefused(
        codec,
        bytes.slice(0, Math.floor(bytes.length * (i + 1) / 12)),
        expected,
        `${name} cut ${i}`,
      );
    }
    for (const [i, expected] of EXPECTED[name].changed.entries()) {
      const damaged = bytes.slice();
      damaged[(i * i * 7919 + 13 * i) % bytes.length] ^= 1 << i % 8;
      await assertReadOrRefused(codec, damaged, expected, `${name} changed ${i}`);
    }
  }
}

/** Checks that bytes are refused by an error that says why. */
export async function assertRefused(codec: Codec, bytes: Uint8Array, reason: string): Promise<void> {
  await assertRejects(async () => await codec.decode(bytes), TypeError, reason);
}

async function assertReadOrRefused(
  codec: Codec,
  bytes: Uint8Array,
  expected: string | null,
  what: string,
): Promise<void> {
  let found: string | null = null;
  try {
    const { width, height } = codec.size(bytes);
    if (width * height <= 1e6) found = await digest(await codec.decode(bytes)); // as one who limits the size would do
  } catch (error) {
    assert(error instanceof TypeError && error.message.startsWith("Cannot decode picture: "), `${what}: ${error}`);
  }
  if (found !== null) assertEquals(found, expected, what);
}

/** Hash of width, height and the RGB bytes; every pixel must be opaque. */
async function digest({ width, height, data }: Raster): Promise<string> {
  const hashed = new Uint8Array(8 + 3 * width * height);
  new DataView(hashed.buffer).setUint32(0, width, true);
  new DataView(hashed.buffer).setUint32(4, height, true);
  for (let from = 0, to = 8; from < data.length; from += 4, to += 3) {
    hashed.set(data.subarray(from, from + 3), to);
    if (data[from + 3] !== 255) throw new Error(`pixel ${from / 4} is not opaque`);
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", hashed)).toHex().slice(0, 16);
}
