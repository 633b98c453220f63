import { assertEquals } from "@std/assert";
import { exifOrientation, turn, xmpOrientation } from "../../../../model/images/raster/orientation.ts";
import { exifOf } from "../picture_fixtures.ts";

const SHORT = 3;

Deno.test("exifOrientation() reads both byte orders, with or without the Exif prefix", () => {
  for (const little of [false, true]) {
    const exif = exifOf([[0x112, SHORT, 1, 6]], little);
    assertEquals(exifOrientation(exif), 6);
    assertEquals(exifOrientation(Uint8Array.of(...new TextEncoder().encode("Exif\0\0"), ...exif)), 6);
  }
});

Deno.test("exifOrientation() reads numbers of all types that PIL treats as numbers, inline or at an offset", () => {
  const double = new Uint8Array(8);
  new DataView(double.buffer).setFloat64(0, 6);
  const cases: [type: number, count: number, value: number, data: number[]][] = [
    [4, 1, 6, []],
    [6, 1, 6 << 24, []],
    [8, 1, 6 << 16, []],
    [9, 1, 6, []],
    [11, 1, 0x40c00000, []],
    [13, 1, 6, []],
    [5, 1, 26, [0, 0, 0, 12, 0, 0, 0, 2]],
    [10, 1, 26, [0, 0, 0, 12, 0, 0, 0, 2]],
    [12, 1, 26, [...double]],
    [16, 1, 26, [0, 0, 0, 0, 0, 0, 0, 6]],
    [4, 2, 26, [0, 0, 0, 6, 0, 0, 0, 3]],
  ];
  for (const [type, count, value, data] of cases) {
    assertEquals(exifOrientation(exifOf([[0x112, type, count, value]], false, data)), 6, `type ${type}`);
  }
});

Deno.test("exifOrientation() does not read bytes, text and other types as numbers", () => {
  for (const type of [1, 2, 7]) assertEquals(exifOrientation(exifOf([[0x112, type, 1, 6]])), NaN);
  for (const type of [0, 14, 99]) assertEquals(exifOrientation(exifOf([[0x112, type, 1, 6]])), undefined);
  assertEquals(exifOrientation(exifOf([[0x112, SHORT, 0, 6]])), undefined);
});

Deno.test("exifOrientation() takes the last of several, up to a value beyond the end", () => {
  assertEquals(exifOrientation(exifOf([[0x112, SHORT, 1, 6], [0x112, SHORT, 1, 3]])), 3);
  assertEquals(exifOrientation(exifOf([[0x112, SHORT, 1, 6], [0x112, 99, 1, 3]])), 6);
  assertEquals(exifOrientation(exifOf([[0x112, SHORT, 1, 6], [0x10f, 2, 9, 1000], [0x112, SHORT, 1, 3]])), 6);
});

Deno.test("exifOrientation() reads the entries of an incomplete block", () => {
  const exif = exifOf([[0x10f, 2, 4, 0], [0x112, SHORT, 1, 6]]);
  const end = 8 + 2 + 2 * 12;
  for (let length = 0; length <= exif.length; length++) {
    assertEquals(exifOrientation(exif.slice(0, length)), length < end ? undefined : 6);
  }
});

Deno.test("xmpOrientation() reads an attribute or an element", () => {
  assertEquals(xmpOrientation('<rdf:Description tiff:Orientation="6"/>'), 6);
  assertEquals(xmpOrientation("<tiff:Orientation>8</tiff:Orientation>"), 8);
  assertEquals(xmpOrientation("<tiff:Orientation>x</tiff:Orientation>"), undefined);
  assertEquals(xmpOrientation(), undefined);
});

Deno.test("turn() leaves pictures with other orientations unchanged", () => {
  const raster = { width: 2, height: 1, data: Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 255) };
  for (const orientation of [undefined, NaN, 0, 1, 9, 6.5]) assertEquals(turn(raster, orientation), raster);
  assertEquals([...turn(raster, 2).data], [4, 5, 6, 255, 1, 2, 3, 255]);
});
