/**
 * A drawing of how tokens use the codebook.
 *
 * @module
 */

import type { TokenStatistics } from "./statistics.ts";

/** Width, height and margin of a panel, in pixels. */
const [WIDTH, HEIGHT, MARGIN] = [400, 260, 48];
/** Points of a curve at most. */
const MAX_POINTS = 400;

/**
 * Draws, as an SVG: on the left, the count of every code, from the most frequent to the rarest; on the right, how many codes
 * occur how often, in bins of powers of two. Counts are on a logarithmic axis.
 */
export function usagePlot({ counts, codes, usedCodes, perplexity, tokens }: TokenStatistics): string {
  const sorted = counts.toSorted().reverse();
  const title =
    `${grouped(usedCodes)} of ${grouped(codes)} codes used, perplexity ${grouped(Math.round(perplexity))}, ` +
    `${grouped(tokens)} tokens`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${
    HEIGHT + 28
  }" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="${WIDTH}" y="20" text-anchor="middle" font-size="14">${title}</text>
${
    panel(0, curve(sorted), {
      x: "codes by frequency",
      y: "count",
      ends: ["1", grouped(codes)],
      top: grouped(sorted[0]),
    })
  }
${panel(WIDTH, ...bars(counts))}
</svg>
`;
}

/** What stands along the axes. */
interface Axes {
  readonly x: string;
  readonly y: string;
  /** Below the two ends of the horizontal axis. */
  readonly ends: readonly [string, string];
  /** At the upper end of the vertical axis. */
  readonly top: string;
}

function panel(left: number, drawing: string, { x, y, ends, top }: Axes): string {
  const [right, bottom] = [WIDTH - MARGIN / 2, HEIGHT - MARGIN];
  return `<g transform="translate(${left},28)">
${drawing}
<path d="M${MARGIN} 8V${bottom}H${right}" fill="none" stroke="black"/>
<text x="${MARGIN}" y="${bottom + 16}">${ends[0]}</text>
<text x="${right}" y="${bottom + 16}" text-anchor="end">${ends[1]}</text>
<text x="${(MARGIN + right) / 2}" y="${bottom + 34}" text-anchor="middle">${x}</text>
<text x="${MARGIN - 6}" y="16" text-anchor="end">${top}</text>
<text x="${MARGIN - 6}" y="${bottom}" text-anchor="end">0</text>
<text x="14" y="${bottom / 2}" text-anchor="middle" transform="rotate(-90 14 ${bottom / 2})">${y}</text>
</g>`;
}

/** Counts from the highest to the lowest. */
function curve(sorted: Float64Array): string {
  const points = Math.min(sorted.length, MAX_POINTS);
  const highest = Math.log2(1 + sorted[0]) || 1;
  const at = Array.from({ length: points }, (_, i) => {
    const rank = points === 1 ? 0 : Math.round(i * (sorted.length - 1) / (points - 1));
    return `${horizontal(i / Math.max(1, points - 1))} ${vertical(Math.log2(1 + sorted[rank]) / highest)}`;
  });
  return `<path d="M${at.join("L")}" fill="none" stroke="#2563eb" stroke-width="2"/>`;
}

/** Numbers of codes by their counts: none, 1, 2–3, 4–7, …. */
function bars(counts: Float64Array): [string, Axes] {
  const bins: number[] = [];
  for (const count of counts) {
    const bin = Math.floor(Math.log2(count) + 1) || 0;
    const i = count === 0 ? 0 : bin;
    bins[i] = (bins[i] ?? 0) + 1;
  }
  const values = Array.from(bins, (value) => value ?? 0);
  const highest = Math.max(...values);
  const drawing = values.map((value, i) => {
    const [left, right, top] = [
      horizontal(i / values.length),
      horizontal((i + 1) / values.length),
      vertical(value / highest),
    ];
    const fill = i === 0 ? "#dc2626" : "#2563eb"; // codes that never occur stand out
    return `<rect x="${left + 1}" y="${top}" width="${right - left - 2}" height="${
      HEIGHT - MARGIN - top
    }" fill="${fill}"/>`;
  }).join("\n");
  const last = values.length === 1 ? "0" : grouped(2 ** (values.length - 1) - 1);
  return [drawing, { x: "count, from never to often", y: "codes", ends: ["0", `≤ ${last}`], top: grouped(highest) }];
}

/** The place of a share of the horizontal axis, in pixels. */
function horizontal(share: number): number {
  return rounded(MARGIN + share * (WIDTH - 1.5 * MARGIN));
}

/** The place of a share of the vertical axis, in pixels. */
function vertical(share: number): number {
  return rounded(HEIGHT - MARGIN - share * (HEIGHT - MARGIN - 12));
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10;
}

function grouped(value: number): string {
  return value.toLocaleString("en");
}
