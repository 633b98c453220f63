import { decodeGif, gifSize } from "../../../../model/images/codecs/gif.ts";
import { assertDamageIsFound, assertReadAsByPillow, assertRefused, bytesOf, type Codec } from "./format_fixtures.ts";

const GIF: Codec = { size: gifSize, decode: decodeGif };

Deno.test("the first frame of every kind of GIF is read as Pillow reads it", () => assertReadAsByPillow(".gif", GIF));

Deno.test("a damaged GIF is read as Pillow reads it or refused", () => assertDamageIsFound(".gif", GIF));

Deno.test("errors say what is wrong with a GIF", async () => {
  const bytes = bytesOf("straight.gif");
  await assertRefused(GIF, bytes.slice(0, 5), "this GIF is cut short after 5 bytes");
  await assertRefused(GIF, bytes.slice(0, -20), `this GIF is cut short after ${bytes.length - 20} bytes`);
  await assertRefused(GIF, bytes.with(4, 0x36) as Uint8Array<ArrayBuffer>, "must begin with GIF87a or GIF89a");
  const header = bytes.slice(0, 13);
  header[10] = 0;
  await assertRefused(GIF, Uint8Array.of(...header, 0x3b), "this GIF has no frame");
  const frame = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0];
  await assertRefused(GIF, Uint8Array.of(...header, ...frame, 2, 1, 0b101, 0), "end before its last pixel");
  await assertRefused(GIF, Uint8Array.of(...header, ...frame, 2, 1, 0b111, 0), "the data of this GIF are damaged");
  await assertRefused(GIF, Uint8Array.of(...header, ...frame, 13, 1, 0, 0), "indices of 13 bits");
});

Deno.test("a GIF that states more pixels than it has is refused at once", async () => {
  const header = [...new TextEncoder().encode("GIF89a"), 255, 31, 255, 31, 0, 0, 0];
  const frame = [0x2c, 0, 0, 0, 0, 255, 31, 255, 31, 0];
  await assertRefused(GIF, Uint8Array.of(...header, ...frame, 8, 1, 0, 0), "cut short");
});
