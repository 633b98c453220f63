import { assertEquals } from "@std/assert";
import { deflateSync } from "node:zlib";
import { decodePicture } from "../../../../../model/images/mod.ts";
import { exifOf, makePng, type PngParts } from "../../picture_fixtures.ts";

const RAW_EXIF = "Raw profile type exif", XMP = "XML:com.adobe.xmp";
const TURNED = [2, 1], UPRIGHT = [1, 2];

/** An exif block's text as ImageMagick writes it. */
function rawProfile(orientation: number): string {
  const exif = exifOf([[0x112, 3, 1, orientation]]);
  return `\nexif\n${exif.length.toString().padStart(8)}\n${exif.toHex()}\n`;
}

function xmp(orientation: number): string {
  return `<rdf:Description tiff:Orientation="${orientation}"/>`;
}

function text(keyword: string, value: string): Uint8Array {
  return new TextEncoder().encode(`${keyword}\0${value}`);
}

function zippedText(keyword: string, value: string, head = "\0\0"): Uint8Array {
  return Uint8Array.of(...new TextEncoder().encode(keyword + head), ...deflateSync(value));
}

async function sizeOf(parts: Partial<PngParts>): Promise<number[]> {
  const file = makePng({ width: 1, height: 2, depth: 8, colour: 0, rows: [0, 1, 0, 2], ...parts });
  const { width, height } = await decodePicture(file);
  return [width, height];
}

Deno.test("a PNG is turned by its eXIf chunk, the last one before the pixels, else the last one", async () => {
  const [turns, not] = [6, 3].map((orientation) => exifOf([[0x112, 3, 1, orientation]]));
  assertEquals(await sizeOf({ extra: { eXIf: turns } }), TURNED);
  assertEquals(await sizeOf({ late: { eXIf: turns } }), TURNED);
  assertEquals(await sizeOf({ extra: { eXIf: not }, late: { eXIf: turns } }), UPRIGHT);
});

Deno.test("a PNG is turned by EXIF in its texts, plain or deflated, before or after the pixels", async () => {
  for (const place of ["extra", "late"]) {
    const chunks = {
      tEXt: text(RAW_EXIF, rawProfile(6)),
      zTXt: zippedText(RAW_EXIF, rawProfile(6)),
      iTXt: text(RAW_EXIF, `\0\0en\0\0${rawProfile(6)}`),
    };
    for (const [type, data] of Object.entries(chunks)) {
      assertEquals(await sizeOf({ [place]: { [type]: data } }), TURNED);
    }
    assertEquals(await sizeOf({ [place]: { iTXt: zippedText(RAW_EXIF, rawProfile(6), "\0\x01\0\0\0") } }), TURNED);
  }
});

Deno.test("a PNG is turned by XMP if EXIF states no orientation", async () => {
  const iTXt = text(XMP, `\0\0\0\0${xmp(6)}`);
  const [silent, stated] = [0x128, 0x112].map((tag) => exifOf([[tag, 3, 1, 1]]));
  assertEquals(await sizeOf({ extra: { iTXt } }), TURNED);
  assertEquals(await sizeOf({ extra: { iTXt, eXIf: silent } }), TURNED);
  assertEquals(await sizeOf({ extra: { iTXt, eXIf: stated } }), UPRIGHT);
});

Deno.test("texts of a PNG that are damaged, too long, or of other keywords turn nothing", async () => {
  const damaged = zippedText(RAW_EXIF, rawProfile(6));
  damaged[damaged.length - 6] ^= 1;
  const chunks: [string, Uint8Array][] = [
    ["zTXt", damaged],
    ["zTXt", zippedText(RAW_EXIF, "\n\n\n" + "0".repeat(2 ** 26))],
    ["tEXt", text(RAW_EXIF, "\n\n\nno digits")],
    ["tEXt", text(RAW_EXIF, "")],
    ["tEXt", text("Raw profile type APP1", rawProfile(6))],
    ["tEXt", new TextEncoder().encode(RAW_EXIF)],
    ["iTXt", text(XMP, "\0")],
  ];
  for (const [type, data] of chunks) assertEquals(await sizeOf({ extra: { [type]: data } }), UPRIGHT);
});
