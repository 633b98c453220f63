/** Statistics of tokens. */
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { tokenStatistics } from "../../../datasets/mod.ts";

function record(key: string, ...indices: number[]) {
  return { key, indices: Int32Array.from(indices), shape: [1, indices.length] as const, width: 16, height: 4 };
}

Deno.test("usage, entropy, perplexity and bits per pixel are those of all tokens together", async () => {
  const { counts, ...statistics } = await tokenStatistics([record("a", 0, 0, 1, 1), record("b", 2, 2, 3, 3)], 8);
  assertEquals(counts, Float64Array.of(2, 2, 2, 2, 0, 0, 0, 0));
  assertEquals(statistics, {
    ...{ pictures: 2, tokens: 8, codes: 8, usedCodes: 4, usage: 0.5, entropy: 2, perplexity: 4 },
    ...{ bitsPerPixel: 8 * 3 / 128, entropyPerPixel: 8 * 2 / 128 },
  });
  const uneven = await tokenStatistics([record("a", 0, 0, 0, 5)], 8);
  assertAlmostEquals(uneven.entropy, 0.8112781244591328, 1e-12); // scipy.stats.entropy([3, 1], base=2)
});

Deno.test("without the sizes of all pictures there are no bits per pixel; without tokens, no entropy", async () => {
  const { width: _, ...unsized } = record("b", 1);
  assertEquals((await tokenStatistics([record("a", 0), unsized], 2)).bitsPerPixel, undefined);
  const nothing = await tokenStatistics([], 4);
  assertEquals([nothing.tokens, nothing.entropy, nothing.perplexity, nothing.usage], [0, 0, 1, 0]);
});

Deno.test("an index beyond the codebook is an error that names the picture", async () => {
  for (const index of [8, -1]) {
    await assertRejects(
      () => tokenStatistics([record("leaf", index)], 8),
      RangeError,
      `of "leaf": expected indices from 0`,
    );
  }
});
