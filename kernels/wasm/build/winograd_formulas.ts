/**
 * Winograd's algorithms as formulas. Part of the build, not of the engine.
 *
 * Sums, not matrices: the order of their terms and what they share decide speed and rounding.
 *
 * @module
 */

/** One algorithm: formulas of its three transforms along one side of a tile. */
export interface Algorithm {
  readonly name: string;
  /** Source pixels `d` along a side, and positions of the transformed tile. */
  readonly positions: number;
  /** Results `y` along a side. */
  readonly results: number;
  /** B^T d: the transformed source `v`. */
  readonly source: readonly Formula[];
  /** G g: the transformed weights `u`. */
  readonly weights: readonly Formula[];
  /** A^T m: the results `y` of products `m` and the bias `b`, which only the second of the two sides adds. */
  readonly result: readonly Formula[];
  /** What results of both sides are multiplied by, before the bias is added: then formulas leave it out. */
  readonly scale?: string;
}

/** A named sum of terms, added in their order. */
export interface Formula {
  readonly name: string;
  readonly terms: readonly { readonly sign: 1 | -1; readonly coefficient: string; readonly name: string }[];
}

/** Reads lines such as `a = d4 - 5/4 d2`. */
function formulas(text: string): Formula[] {
  return text.trim().split("\n").map((line) => {
    const [name, sum] = line.trim().split(" = ");
    const terms = Array.from(
      sum.matchAll(/(-?) ?(?:([\d/]+) )?([a-z]\w*)/g),
      ([, sign, coefficient, name]) => {
        return { sign: sign ? -1 : 1, coefficient: coefficient ?? "1", name } as const;
      },
    );
    return { name, terms };
  });
}

/** Every algorithm: F(4x4, 3x3), F(6x6, 3x3), and 4x4 results at stride 2. */
export const ALGORITHMS: readonly Algorithm[] = [
  // After Lavin & Gray: interpolation at 0, 1, -1, 2, -2 and infinity. The fractions of the weights are left to the source and
  // the scale, because on small maps weights are transformed for a few tiles only.
  {
    name: "4",
    positions: 6,
    results: 4,
    source: formulas(`
      a = d4 - 4 d2
      b = d3 - 4 d1
      c = d4 - d2
      e = d3 - d1
      v0 = 6 d0 - 15/2 d2 + 3/2 d4
      v1 = a + b
      v2 = a - b
      v3 = c + 2 e
      v4 = c - 2 e
      v5 = 6 d5 - 30 d3 + 24 d1`),
    weights: formulas(`
      sum = g0 + g2
      far = g0 + 4 g2
      u0 = g0
      u1 = sum + g1
      u2 = sum - g1
      u3 = far + 2 g1
      u4 = far - 2 g1
      u5 = g2`),
    result: formulas(`
      s1 = m1 + m2
      d1 = m2 - m1
      s2 = m3 + m4
      d2 = m3 - m4
      y0 = m0 - s1 + 1/4 s2
      y1 = d1 + 1/2 d2
      y2 = s2 - s1
      y3 = d1 + m5 + 2 d2`),
    scale: "1/36",
  },
  // Interpolation at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. Opposite points share their even and odd parts.
  {
    name: "6",
    positions: 8,
    results: 6,
    source: formulas(`
      a = d4 - d2
      v0 = d0 - d6 + 21/4 a
      b = d3 - d5
      v7 = d7 - d1 + 21/4 b
      even1 = d2 + d6 - 17/4 d4
      odd1 = d1 + d5 - 17/4 d3
      v1 = even1 + odd1
      v2 = even1 - odd1
      c = 5/2 d3
      even2 = d6 + 1/4 d2 - 5/4 d4
      odd2 = 1/2 d1 - c + 2 d5
      v3 = even2 + odd2
      v4 = even2 - odd2
      even3 = d6 + 4 d2 - 5 d4
      odd3 = 1/2 d5 - c + 2 d1
      v5 = even3 + odd3
      v6 = even3 - odd3`),
    weights: formulas(`
      even = 2/9 g0 + 2/9 g2
      odd = 2/9 g1
      far = 1/90 g0 + 2/45 g2
      near = 1/45 g1
      far2 = 32/45 g0 + 8/45 g2
      near2 = 16/45 g1
      sum = even + odd
      u0 = g0
      u1 = -sum
      u2 = odd - even
      u3 = far + near
      u4 = far - near
      u5 = far2 + near2
      u6 = far2 - near2
      u7 = g2`),
    result: formulas(`
      s1 = m1 + m2 + b
      d1 = m1 - m2 + b
      s2 = m3 + m4
      d2 = m3 - m4
      s3 = m5 + m6
      d3 = m5 - m6
      s4 = s2 + s3
      y0 = m0 + s1 + s4
      y1 = d1 + 2 d2 + 1/2 d3
      y2 = s1 + 4 s2 + 1/4 s3
      y3 = d1 + 8 d2 + 1/8 d3
      y4 = s1 + 16 s2 + 1/16 s3
      y5 = d1 + 32 d2 + 1/32 d3 + m7`),
  },
  // Even pixels meet the outer taps: F(4, 2), interpolated at 0, 1, -1, 2 and infinity. Odd pixels meet the middle tap and
  // pass unchanged, so they share their weights.
  {
    name: "Strided",
    positions: 9,
    results: 4,
    source: formulas(`
      a = d6 - d4
      b = d0 - d4
      v0 = d6 - d2 + 2 b
      v1 = a - 2 d2
      c = d2 - d4
      v2 = a + 2 c
      v3 = d6 - d2
      e = d2 - d6
      v4 = d8 - d4 + 2 e
      v5 = d1
      v6 = d3
      v7 = d5
      v8 = d7`),
    weights: formulas(`
      sum = g0 + g2
      half = 1/2 sum
      u0 = 1/2 g0
      u1 = -half
      u2 = 1/6 g2 - 1/6 g0
      u3 = 1/6 g0 + 1/3 g2
      u4 = g2
      u5 = g1`),
    result: formulas(`
      s1 = m1 + m2 + b
      d1 = m1 - m2 + b
      s2 = m3 + m5
      s3 = m4 + m8
      y0 = m0 + s1 + s2
      y1 = d1 + m6 + 2 m3
      y2 = s1 + m7 + 4 m3
      y3 = d1 + s3 + 8 m3`),
  },
];
