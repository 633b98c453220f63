import { assert, assertEquals } from "@std/assert";
import { decodeAvif, readAvif } from "../../../../../model/images/codecs/avif/decoder.ts";
import { decodePng, readPng } from "../../../../../model/images/codecs/png/decoder.ts";
import { assertRefused, bytesOf, type Codec, namesOf } from "../format_fixtures.ts";

const AVIF: Codec = { size: readAvif, decode: (bytes) => decodeAvif(bytes, readAvif(bytes)) };

/** Allowed difference of eight-bit YCbCr from avifdec, which converts with libyuv in fixed point; here libavif converts. */
const ROUNDING: Record<string, number> = { "420.avif": 3 };

Deno.test("AVIF is decoded like avifdec", async () => {
  const names = namesOf(".avif");
  assertEquals(names.length, 6);
  for (const name of names) {
    const expected = decodePng(readPng(bytesOf(`${name}.png`)));
    const picture = await AVIF.decode(bytesOf(name));
    assertEquals([picture.width, picture.height], [expected.width, expected.height], name);
    const apart = picture.data.map((value, i) => Math.abs(value - expected.data[i]));
    assert(Math.max(...apart) <= (ROUNDING[name] ?? 0), `${name} is ${Math.max(...apart)} apart`);
  }
});

Deno.test("the boxes of an AVIF turn the picture first, then mirror it", () => {
  assertEquals(readAvif(bytesOf("lossless.avif")).orientation, 1);
  assertEquals(readAvif(bytesOf("turned.avif")).orientation, 5);
  const bytes = bytesOf("turned.avif");
  const at = (type: string) => new TextDecoder("latin1").decode(bytes).indexOf(type) + 4;
  const turned = (turns: number, axis: number) => {
    bytes[at("irot")] = turns;
    bytes[at("imir")] = axis;
    return readAvif(bytes).orientation;
  };
  assertEquals([0, 1, 2, 3].map((turns) => turned(turns, 0)), [4, 5, 2, 7]);
  assertEquals([0, 1, 2, 3].map((turns) => turned(turns, 1)), [2, 7, 4, 5]);
});

Deno.test("a damaged AVIF is refused or decodes to its stated size", async () => {
  for (const name of namesOf(".avif")) {
    const bytes = bytesOf(name);
    for (let i = 0; i < 24; i++) {
      const damaged = i < 12 ? bytes.slice(0, Math.floor(bytes.length * i / 12)) : bytes.slice();
      if (i >= 12) damaged[(i * i * 7919 + 13 * i) % bytes.length] ^= 1 << i % 8;
      try {
        const { width, height } = readAvif(damaged);
        if (width * height > 1e6) continue;
        const picture = await AVIF.decode(damaged);
        assertEquals([picture.width, picture.height], [width, height]);
      } catch (error) {
        assert(
          error instanceof TypeError && error.message.startsWith("Cannot decode picture: "),
          `${name} ${i}: ${error}`,
        );
      }
    }
  }
});

Deno.test("an AVIF with different sizes in boxes and data is refused", async () => {
  const bytes = bytesOf("lossless.avif");
  const ispe = new TextDecoder("latin1").decode(bytes).indexOf("ispe");
  bytes[ispe + 4 + 7]++;
  await assertRefused(AVIF, bytes, "Cannot decode picture");
});

Deno.test("the name of a damaged box is shown without control characters", async () => {
  const bytes = bytesOf("lossless.avif");
  const meta = new TextDecoder("latin1").decode(bytes).indexOf("meta");
  bytes.set([0, 0, 0, 2, 0x9b, 0x1b, 0x5b, 0x4a], meta - 4); // a size that is none, an escape sequence as the name
  await assertRefused(AVIF, bytes, 'the "\\x9b\\x1b[J" box of this AVIF is damaged');
});
