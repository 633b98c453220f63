import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { turn } from "../../../model/images/raster/orientation.ts";
import { decodePicture, type DecodePictureOptions, type EncodeOptions, Picture } from "../../../model/images/mod.ts";
import { JPEG_ENCODER_WASM } from "../../../model/images/codecs/jpeg/encoder_wasm.gen.ts";
import { makePng, type PngParts } from "./picture_fixtures.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture } from "../../support/paths.ts";

/** Smooth colours with a little texture, so that every PNG filter has its rows. */
function sample(width = 33, height = 21): Picture {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    data.set([5 * x, 10 * y, 255 - 3 * x - 4 * y + (x * y) % 5, 255], 4 * i);
  }
  return new Picture(width, height, data);
}

function gray(values: number[]): number[] {
  return values.flatMap((v) => [v, v, v, 255]);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a, (v, i) => Math.abs(v - b[i])).reduce((x, y) => Math.max(x, y));
}

async function readJpeg(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(fixture(`pictures/${name}.jpg`));
}

/** A colour type of PNG, and the RGBA bytes it must become. */
type Kind = [name: string, png: Omit<PngParts, "width" | "height"> & { size: [number, number] }, expected: number[]];

const KINDS: Kind[] = [
  ["1-bit gray", { size: [3, 1], depth: 1, colour: 0, rows: [0, 0b10100000] }, gray([255, 0, 255])],
  ["2-bit gray", { size: [4, 1], depth: 2, colour: 0, rows: [0, 0b00011011] }, gray([0, 85, 170, 255])],
  ["4-bit gray", { size: [3, 1], depth: 4, colour: 0, rows: [0, 0x0f, 0x80] }, gray([0, 255, 136])],
  ["8-bit gray", { size: [2, 1], depth: 8, colour: 0, rows: [0, 7, 200] }, gray([7, 200])],
  ["16-bit gray", { size: [2, 1], depth: 16, colour: 0, rows: [0, 0, 99, 1, 0] }, gray([99, 255])],
  ["gray with alpha", { size: [2, 1], depth: 8, colour: 4, rows: [0, 7, 0, 200, 9] }, gray([7, 200])],
  ["16-bit gray with alpha", { size: [1, 1], depth: 16, colour: 4, rows: [0, 7, 1, 0, 0] }, gray([7])],
  ["RGB", { size: [1, 2], depth: 8, colour: 2, rows: [0, 1, 2, 3, 0, 4, 5, 6] }, [1, 2, 3, 255, 4, 5, 6, 255]],
  ["16-bit RGB", { size: [1, 1], depth: 16, colour: 2, rows: [0, 1, 255, 2, 255, 3, 255] }, [1, 2, 3, 255]],
  ["RGB with alpha", { size: [1, 1], depth: 8, colour: 6, rows: [0, 1, 2, 3, 0] }, [1, 2, 3, 255]],
  ["16-bit RGB with alpha", { size: [1, 1], depth: 16, colour: 6, rows: [0, 1, 0, 2, 0, 3, 0, 0, 0] }, [1, 2, 3, 255]],
  ...[1, 2, 4, 8].map((depth): Kind => [
    `${depth}-bit palette`,
    { size: [1, 1], depth, colour: 3, rows: [0, 1 << (8 - depth)], palette: [9, 9, 9, 1, 2, 3] },
    [1, 2, 3, 255],
  ]),
  [
    "palette with transparency",
    { size: [1, 1], depth: 8, colour: 3, rows: [0, 0], palette: [1, 2, 3], extra: { tRNS: [0] } },
    [1, 2, 3, 255],
  ],
  [
    "palette after the pixels, which is ignored",
    { size: [1, 1], depth: 8, colour: 3, rows: [0, 7], late: { PLTE: Array(24).fill(1) } },
    gray([7]),
  ],
  [
    "palette without the colour",
    { size: [2, 1], depth: 8, colour: 3, rows: [0, 0, 7], palette: [1, 2, 3, 4] },
    [1, 2, 3, 255, 7, 7, 7, 255],
  ],
  [
    "more rows than it states",
    { size: [1, 1], depth: 8, colour: 0, rows: [0, 1, 0, 2] },
    gray([1]),
  ],
  [
    "interlaced",
    { size: [3, 2], depth: 8, colour: 0, interlace: 1, rows: [0, 10, 0, 30, 0, 20, 0, 40, 50, 60] },
    gray([10, 20, 30, 40, 50, 60]),
  ],
  [
    "filtered",
    // Rows: sub, up, average, Paeth.
    { size: [2, 4], depth: 8, colour: 0, rows: [1, 10, 5, 2, 1, 1, 3, 1, 1, 4, 1, 1] },
    gray([10, 15, 11, 16, 6, 12, 7, 13]),
  ],
];

for (const [name, { size: [width, height], ...rest }, expected] of KINDS) {
  Deno.test(`decodePicture() reads a PNG that is ${name}`, async () => {
    const picture = await decodePicture(makePng({ width, height, ...rest }));
    assertEquals([picture.width, picture.height], [width, height]);
    assertEquals([...picture.data], expected);
  });
}

Deno.test("a PNG decodes to the encoded picture", async () => {
  const colour = sample();
  assertEquals((await decodePicture(colour.encode("png"))).data, colour.data);
  const black = new Picture(5, 3, Uint8ClampedArray.from(gray(Array(15).fill(0))));
  assertEquals((await decodePicture(black.encode("png"))).data, black.data);
});

Deno.test("encode() chooses the PNG colour type from the pixels", () => {
  const colourType = (...pixel: number[]) => new Picture(1, 1, Uint8ClampedArray.from(pixel)).encode("png")[25];
  assertEquals([colourType(7, 7, 7, 255), colourType(7, 7, 8, 255), colourType(7, 7, 7, 254)], [0, 2, 6]);
});

Deno.test("decodePicture() drops the alpha that encode() writes", async () => {
  const transparent = new Picture(1, 1, Uint8ClampedArray.of(1, 2, 3, 0));
  assertEquals([...(await decodePicture(transparent.encode("png"))).data], [1, 2, 3, 255]);
});

Deno.test("a JPEG is nearly the encoded picture, and closer at higher quality", async () => {
  const picture = sample();
  const [rough, fine] = [picture.encode("jpeg", { quality: 20 }), picture.encode("jpeg", { quality: 100 })];
  assert(rough.length < fine.length);
  const decoded = await decodePicture(fine);
  assertEquals([decoded.width, decoded.height], [33, 21]);
  assert(largestDifference(decoded.data, picture.data) <= 12);
});

Deno.test("decodePicture() reads JPEGs as PIL does: progressive, gray, CMYK", async () => {
  const quadrants = [[200, 40, 40], [40, 180, 60], [30, 60, 200], [240, 240, 230]];
  const grays = [88, 124, 67, 239].map((v) => [v, v, v]);
  for (const name of ["progressive-420", "gray", "cmyk"]) {
    const { width, height, data } = await decodePicture(await readJpeg(name));
    assertEquals([width, height], [32, 32]);
    const found = [[4, 4], [28, 4], [4, 28], [28, 28]].flatMap(([x, y]) =>
      [...data.subarray(4 * (32 * y + x))].slice(0, 4)
    );
    const expected = (name === "gray" ? grays : quadrants).flatMap((pixel) => [...pixel, 255]);
    assert(largestDifference(found, expected) <= 1, `${name}: ${found}`);
  }
});

Deno.test("decodePicture() turns pictures upright by their EXIF orientation, unless applyOrientation is false", async () => {
  const file = await readJpeg("exif-rotated");
  const [turned, stored] = [await decodePicture(file), await decodePicture(file, { applyOrientation: false })];
  assertNotEquals(turned.data, stored.data);
  assertEquals(turn(stored, 6).data, turned.data);
});

Deno.test("decodePicture() names unsupported formats", async () => {
  await assertRejects(() => decodePicture(new Uint8Array()), TypeError, "found no bytes");
  const others = {
    "....ftypheic....": "HEIC;",
    "\0\0\0\x0cJXL ": "JPEG XL;",
    "\0\0\0\x0cjP  \r\n": "JPEG 2000;",
    '<?xml version="1.0"?>\n<svg xmlns="">': "SVG;",
    "\n<!DOCTYPE html><html>": "an HTML page;",
    "%PDF-1.7": "PDF;",
    "abcd": "bytes that begin with 61 62 63 64",
  };
  for (const [text, found] of Object.entries(others)) {
    const file = new TextEncoder().encode(text);
    const message = `expected a PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF file, found ${found}`;
    await assertRejects(() => decodePicture(file), TypeError, message);
  }
});

Deno.test("decodePicture() refuses every file that is cut short before its last pixel", async () => {
  const picture = sample(9, 5);
  for (const file of [picture.encode("png"), picture.encode("jpeg"), await readJpeg("progressive-420")]) {
    const whole = await decodePicture(file);
    const lastPixel = file[0] === 0x89 ? file.length - 21 : file.length; // then the end of a block, two checksums and IEND
    for (let length = 0; length < file.length; length++) {
      const decoding = () => decodePicture(file.slice(0, length));
      if (length < lastPixel) await assertRejects(decoding, TypeError, "Cannot decode picture: ");
      else assertEquals((await decoding()).data, whole.data);
    }
  }
});

Deno.test("decodePicture() refuses a PNG with a changed byte that its pixels depend on", async () => {
  const picture = sample(9, 5);
  const file = picture.encode("png");
  let refused = 0;
  for (let i = 0; i < file.length; i++) {
    const damaged = file.slice();
    damaged[i] ^= 0x41;
    try {
      assertEquals((await decodePicture(damaged)).data, picture.data);
    } catch (error) {
      assert(error instanceof TypeError && error.message.startsWith("Cannot decode picture: "), `${error}`);
      refused++;
    }
  }
  assert(refused >= file.length - 16, `${refused} of ${file.length}`); // IEND and a length may be wrong
});

Deno.test("decodePicture() reads a PNG whose ancillary chunks have a wrong checksum", async () => {
  const parts = { width: 1, height: 1, depth: 8, colour: 0, rows: [0, 7], extra: { tEXt: [97, 0, 98] } };
  const file = makePng(parts);
  const text = file.findIndex((_, i) => String.fromCharCode(...file.subarray(i, i + 4)) === "tEXt");
  file[text + 5] ^= 1;
  assertEquals([...(await decodePicture(file)).data], gray([7]));
});

Deno.test("decodePicture() reads or refuses a JPEG with a changed byte, and then reads another one", async () => {
  const file = await readJpeg("progressive-420");
  for (let i = 0; i < file.length; i++) {
    const damaged = file.slice();
    damaged[i] ^= 0x41;
    await decodePicture(damaged).catch((error) => assert(error instanceof TypeError || error instanceof RangeError));
  }
  assertEquals((await decodePicture(file)).width, 32);
});

Deno.test("decodePicture() refuses JPEGs whose headers libjpeg refuses, decoded as a whole or as planes", async () => {
  for (const name of ["progressive-420", "golden/jpeg-cmyk"]) {
    const file = await readJpeg(name);
    const at = (marker: number) => file.findIndex((byte, i) => byte === 0xff && file[i + 1] === marker);
    const inserted = (offset: number, ...bytes: number[]) => {
      return Uint8Array.of(...file.subarray(0, offset), ...bytes, ...file.subarray(offset));
    };
    const [frame, scan] = [Math.max(at(0xc0), at(0xc2)), at(0xda)];
    const longer = (offset: number) => {
      const end = offset + 2 + file[offset + 3];
      const changed = inserted(end, 0, 0);
      changed[offset + 3] += 2;
      return changed;
    };
    for (const damaged of [inserted(scan, 0xff, 0xd8), inserted(scan, 0xff, 0xf2, 0, 2), longer(frame), longer(scan)]) {
      await assertRejects(() => decodePicture(damaged), TypeError, "Cannot decode picture: ");
    }
  }
});

Deno.test("decodePicture() refuses PNGs that contradict themselves", async () => {
  const one = { width: 1, height: 1, depth: 8, colour: 0 };
  const refused: [PngParts, string][] = [
    [{ ...one, depth: 3, rows: [0, 0] }, "depth 3"],
    [{ ...one, colour: 5, rows: [0, 0] }, "colour type 5"],
    [{ ...one, width: 0, rows: [0] }, "0×1"],
    [{ ...one, rows: [5, 0] }, "filter 5"],
    [{ ...one, rows: [0] }, "fewer pixels"],
    [{ ...one, colour: 3, rows: [0, 0], palette: Array(771).fill(0) }, "771 bytes"],
  ];
  for (const [parts, message] of refused) {
    await assertRejects(() => decodePicture(makePng(parts)), TypeError, message);
  }
});

Deno.test("decodePicture() checks the stated size before it decodes", async () => {
  const huge = makePng({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, depth: 16, colour: 6, rows: [] });
  await assertRejects(() => decodePicture(huge), RangeError, "2147483647×2147483647 pixels, more than 67108864");
  const jpeg = await readJpeg("gray");
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  jpeg.fill(0xff, frame + 5, frame + 9);
  await assertRejects(() => decodePicture(jpeg), RangeError, "65535×65535");

  const file = sample(4, 4).encode("png");
  assertEquals((await decodePicture(file, { maxPixels: 16 })).width, 4);
  await assertRejects(() => decodePicture(file, { maxPixels: 15 }), RangeError, "raise maxPixels");
});

Deno.test("decodePicture() does not inflate bytes after the pixels of a PNG", async () => {
  const rows = new Uint8Array(2 ** 26) as unknown as number[];
  const bomb = makePng({ width: 8, height: 8, depth: 8, colour: 0, rows });
  assert(bomb.length < 2 ** 17);
  const before = performance.now();
  assertEquals((await decodePicture(bomb)).data, Uint8ClampedArray.from(gray(Array(64).fill(0))));
  assert(performance.now() - before < 1000);
});

Deno.test("decodePicture() refuses a progressive JPEG that repeats a scan", async () => {
  const file = await readJpeg("progressive-420");
  const scan = file.findLastIndex((byte, i) => byte === 0xff && file[i + 1] === 0xda);
  const again = Array.from({ length: 100 }, () => [...file.subarray(scan, -2)]).flat();
  const repeated = Uint8Array.of(...file.subarray(0, -2), ...again, 0xff, 0xd9);
  await assertRejects(() => decodePicture(repeated), TypeError, "scans, more than 100");
});

Deno.test("encode(), save() and decodePicture() refuse unknown options", async () => {
  const picture = new Picture(1, 1, new Uint8ClampedArray(4));
  const misspelled = { qualty: 50 } as EncodeOptions;
  const message = 'unknown option "qualty"; did you mean "quality"?';
  for (const format of ["png", "jpeg"] as const) {
    assertThrows(() => picture.encode(format, misspelled), TypeError, message);
    await assertRejects(() => picture.save(`no such folder/a.${format}`, misspelled), TypeError, message);
  }
  const limit = { max_pixels: 1 } as DecodePictureOptions;
  await assertRejects(() => decodePicture(picture.encode("png"), limit), TypeError, 'did you mean "maxPixels"?');
});

Deno.test("save() writes the format of the extension, and no other file", async () => {
  await withFolder(async (folder) => {
    const picture = sample(8, 8);
    await picture.save(join(folder, "a.png"));
    await picture.save(toFileUrl(join(folder, "b.JPG")), { quality: 50 });
    await picture.save(join(folder, "c.jpeg"));
    assertEquals((await decodePicture(await Deno.readFile(join(folder, "a.png")))).data, picture.data);
    assertEquals(await Deno.readFile(join(folder, "b.JPG")), picture.encode("jpeg", { quality: 50 }));
    await assertRejects(() => picture.save(join(folder, "d.webp")), TypeError, ".png, .jpg or .jpeg");
    await assertRejects(() => picture.save(join(folder, "png")), TypeError, ".png, .jpg or .jpeg");
    if (Deno.build.os !== "windows") {
      await Deno.symlink(join(folder, "c.jpeg"), join(folder, "link.png"));
      await picture.save(join(folder, "link.png"));
      assertEquals((await Deno.lstat(join(folder, "link.png"))).isSymlink, true);
      assertEquals(await Deno.readFile(join(folder, "c.jpeg")), await Deno.readFile(join(folder, "a.png")));
      await Deno.remove(join(folder, "c.jpeg"));
      await picture.save(join(folder, "link.png"));
      assertEquals((await Deno.lstat(join(folder, "link.png"))).isSymlink, true);
      assertEquals(await Deno.readFile(join(folder, "c.jpeg")), await Deno.readFile(join(folder, "a.png")));
      await Deno.remove(join(folder, "link.png"));
    }
    await Deno.mkdir(join(folder, "e.png"));
    await assertRejects(() => picture.save(join(folder, "e.png")));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["a.png", "b.JPG", "c.jpeg", "e.png"]);
  });
});

Deno.test("encode() refuses other formats, invalid qualities, and sides too long for JPEG", () => {
  const picture = sample(1, 1);
  assertThrows(() => picture.encode("webp" as "png"), TypeError, '"webp"');
  for (const quality of [0, 101, 50.5, NaN]) {
    assertThrows(() => picture.encode("jpeg", { quality }), RangeError, "quality");
  }
  const long = new Picture(65536, 1, new Uint8ClampedArray(4 * 65536));
  assertThrows(() => long.encode("jpeg"), RangeError, "too large for JPEG");
});

Deno.test("a picture needs whole sides and four bytes per pixel", () => {
  const data = new Uint8ClampedArray(16);
  assertThrows(() => new Picture(2, 3, data), RangeError, "24 bytes of RGBA, found 16");
  assertThrows(() => new Picture(0, 2, data), RangeError, "0×2");
  assertThrows(() => new Picture(2, 2, new Uint8Array(16) as never), TypeError, "Uint8ClampedArray");
});

Deno.test("the embedded JPEG codec is that of imagescript 1.3.1", async () => {
  const wasm = Uint8Array.from(atob(JPEG_ENCODER_WASM), (char) => char.charCodeAt(0));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", wasm));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  assertEquals(hex, "019bcef4d864045e9b2df7e39ef6e7f3227d80b08a33742e1438441f2ddc2368");
});
