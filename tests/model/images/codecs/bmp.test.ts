import { bmpSize, decodeBmp } from "../../../../model/images/codecs/bmp.ts";
import { assertDamageIsFound, assertReadAsByPillow, assertRefused, bytesOf, type Codec } from "./format_fixtures.ts";

const BMP: Codec = { size: bmpSize, decode: decodeBmp };

Deno.test("every kind of BMP is read as Pillow reads it", () => assertReadAsByPillow(".bmp", BMP));

Deno.test("a damaged BMP is read as Pillow reads it or refused", () => assertDamageIsFound(".bmp", BMP));

Deno.test("errors say what is wrong with a BMP", async () => {
  const bytes = bytesOf("24.bmp");
  const changed = (offset: number, value: number) => bytes.with(offset, value) as Uint8Array<ArrayBuffer>;
  await assertRefused(BMP, bytes.slice(0, 20), "this BMP is cut short after 20 bytes");
  await assertRefused(BMP, bytes.slice(0, -4), "this BMP is cut short");
  await assertRefused(BMP, changed(14, 41), "a header of 41 bytes, expected one of 12, 40");
  await assertRefused(BMP, changed(28, 2), "2 bits a pixel");
  await assertRefused(BMP, changed(30, 4), "compression 4, expected 0 to 3");
  await assertRefused(BMP, changed(30, 1), "24 bits a pixel and compression 1, which exclude each other");
  await assertRefused(BMP, changed(18, 0), "a size of 0×13 pixels");
});

Deno.test("runs that stop early are refused", async () => {
  await assertRefused(BMP, bytesOf("rle8.bmp").slice(0, -20), "cut short");
  const bytes = bytesOf("rle8.bmp");
  bytes[bytes.length - 3] = 1; // the end of the last row but one becomes that of the picture
  bytes[bytes.length - 5] = 0;
  bytes[bytes.length - 6] = 0;
  bytes.set([0, 1], 14 + 40 + 64);
  await assertRefused(BMP, bytes, "end before its last pixel");
});
