/** The drawing of how tokens use the codebook, as SVG and as picture. */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { tokenStatistics, usagePicture, usagePlot } from "../../../datasets/mod.ts";
import type { Picture } from "../../../mod.ts";

/** Statistics in which code `i` occurs `counts[i]` times. */
function statisticsOf(...counts: number[]) {
  const indices = Int32Array.from(counts.flatMap((count, code) => Array(count).fill(code)));
  return tokenStatistics([{ key: "a", indices, shape: [1, indices.length] }], counts.length);
}

const RED = "#dc2626", BLUE = "#2563eb", BLACK = "#000000";

/** Number of pixels of a color in a part of a picture. */
function pixelsOf({ width, data }: Picture, color: string, [left, top, right, bottom]: readonly number[]): number {
  const channels = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let pixels = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      pixels += Number(channels.every((value, c) => data[4 * (y * width + x) + c] === value));
    }
  }
  return pixels;
}

Deno.test("the drawing has one bar for each power of two of counts, and numbers at its axes", async () => {
  const drawn = usagePlot(await statisticsOf(0, 0, 1, 2, 3, 4)); // 0, 1, 2–3, 4–7
  assertStringIncludes(drawn, "4 of 6 codes used, perplexity 4, 10 tokens");
  const bars = [...drawn.matchAll(/<rect x=.* height="(.*)" fill="(.*)"/g)];
  assertEquals(bars.map(([, , color]) => color), [RED, BLUE, BLUE, BLUE]);
  const heights = bars.map(([, height]) => Number(height));
  for (const [i, share] of [1, 0.5, 1, 0.5].entries()) assertAlmostEquals(heights[i], share * heights[0], 0.1);
  for (const number of ["0", "1", "2", "4", "6"]) assertStringIncludes(drawn, `>${number}</text>`);
  assertMatch(drawn, /^<svg [^]*<\/svg>\n$/);
});

Deno.test("the picture has the shapes of the SVG, at twice its size, on white", async () => {
  const statistics = await statisticsOf(0, 0, 1, 2, 3, 4);
  const drawn = usagePlot(statistics);
  const picture = usagePicture(statistics);
  const [width, height] = /width="(\d+)" height="(\d+)"/.exec(drawn)!.slice(1).map(Number);
  assertEquals([picture.width, picture.height], [2 * width, 2 * height]);
  assertEquals(picture.data.slice(0, 4), Uint8ClampedArray.of(255, 255, 255, 255));
  const bars = [...drawn.matchAll(/<rect x="(.*)" y="(.*)" width="(.*)" height="(.*)" fill="(.*)"/g)];
  assertEquals(bars.length, 4);
  for (const [, ...attributes] of bars) {
    const [x, y, barWidth, barHeight] = attributes.map((value) => 2 * Number(value));
    const inside = [x + 2, y + 4, x + barWidth - 2, y + barHeight - 4].map(Math.round);
    const area = (inside[2] - inside[0]) * (inside[3] - inside[1]);
    assertEquals(pixelsOf(picture, attributes[4], inside), area);
  }
  for (const [, x, y, text] of drawn.matchAll(/<text x="(.*?)" y="(.*?)".*>(.*)<\/text>/g)) {
    const [middle, baseline] = [2 * Number(x), 2 * Number(y)];
    const around = [middle - 30, baseline - 30, middle + 30, baseline + 10].map((value) =>
      Math.max(0, Math.round(value))
    );
    assert(pixelsOf(picture, BLACK, around) > 5, text);
  }
});

Deno.test("any number of codes and tokens can be drawn", async () => {
  const some = [[0], [5], Array(100_000).fill(0), [1e6, 0, 1, 30, 1e5], Array(5).fill(1e5)];
  for (const counts of some) {
    const statistics = await statisticsOf(...counts);
    const drawn = usagePlot(statistics);
    assertEquals(/NaN|undefined|Infinity/.test(drawn), false);
    const texts = [...drawn.matchAll(/<text x="(.*?)" y="(.*?)"/g)].map(([, x, y]) => `${x} ${y}`);
    assertEquals(texts.length, new Set(texts).size, "numbers over each other");
    usagePicture(statistics); // has a glyph for every letter
  }
});
