/**
 * A drawing of how tokens use the codebook.
 *
 * @module
 */

import type { Picture } from "../../mod.ts";
import type { Drawing, Shape } from "./drawing/drawing.ts";
import { pictureOf } from "./drawing/picture.ts";
import { svgOf } from "./drawing/svg.ts";
import type { TokenStatistics } from "./statistics.ts";

/** Width and height of a panel, and of the title above both. */
const [WIDTH, HEIGHT, TITLE] = [420, 280, 36];
/** The margins of what a panel shows. */
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 20, 8, 48];
/** Sizes of text. */
const [SMALL, LARGE] = [12, 15];
const [BLUE, RED, BLACK, GRAY] = ["#2563eb", "#dc2626", "#000000", "#dddddd"];

/** Points of a curve at most. */
const MAX_POINTS = 400;
/** Most bars of which each has its number below. */
const MAX_NUMBERS = 10;
/** Least distance of a number above 0 from it, so that both are legible. */
const MIN_DISTANCE = 0.07;

/**
 * Draws, as an SVG: on the left, the count of every code, from the most frequent to the rarest; on the right, how many codes
 * occur how often, in bins of powers of two. Counts are on a logarithmic axis.
 */
export function usagePlot(statistics: TokenStatistics): string {
  return svgOf(drawingOf(statistics));
}

/** Draws what {@linkcode usagePlot} does, as a picture. */
export function usagePicture(statistics: TokenStatistics): Picture {
  return pictureOf(drawingOf(statistics));
}

function drawingOf({ counts, codes, usedCodes, perplexity, tokens }: TokenStatistics): Drawing {
  const text = `${grouped(usedCodes)} of ${grouped(codes)} codes used, perplexity ${grouped(Math.round(perplexity))}, ${
    grouped(tokens)
  } tokens`;
  const title: Shape = { text, at: [WIDTH, 24], anchor: "middle", size: LARGE };
  const shapes = [title, ...panel(0, curve(counts)), ...panel(WIDTH, histogram(counts))];
  return { width: 2 * WIDTH, height: TITLE + HEIGHT, shapes };
}

/** A number at an axis, and where along the axis it is, from 0 to 1. */
interface Mark {
  readonly at: number;
  readonly text: string;
}

/** What a panel shows. */
interface Chart {
  /** What is along the horizontal and the vertical axis. */
  readonly labels: readonly [x: string, y: string];
  readonly marks: readonly [x: readonly Mark[], y: readonly Mark[]];
  /** What is drawn, at places from 0 to 1 along the axes. */
  draw(place: (x: number, y: number) => readonly [x: number, y: number]): Shape[];
}

function panel(offset: number, { labels, marks, draw }: Chart): Shape[] {
  const [left, right] = [offset + LEFT, offset + WIDTH - RIGHT];
  const [top, bottom] = [TITLE + TOP, TITLE + HEIGHT - BOTTOM];
  const place = (x: number, y: number) => [left + x * (right - left), bottom - y * (bottom - top)] as const;
  return [
    ...marks[1].map(({ at }): Shape => ({ line: [place(0, at), place(1, at)], color: GRAY, width: 1 })),
    { line: [place(0, 1), place(0, 0), place(1, 0)], color: BLACK, width: 1 },
    ...draw(place),
    ...marks[0].map(({ at, text }): Shape => {
      const [x] = place(at, 0);
      return { text, at: [x, bottom + 17], anchor: "middle", size: SMALL };
    }),
    ...marks[1].map(({ at, text }): Shape => {
      const [, y] = place(0, at);
      return { text, at: [left - 7, y + 4], anchor: "end", size: SMALL };
    }),
    { text: labels[0], at: [(left + right) / 2, bottom + 39], anchor: "middle", size: SMALL },
    { text: labels[1], at: [offset + 18, (top + bottom) / 2], anchor: "middle", size: SMALL, isUpright: true },
  ];
}

/** Counts from the highest to the lowest. */
function curve(counts: Float64Array): Chart {
  const sorted = counts.toSorted().reverse();
  const [codes, most] = [sorted.length, sorted[0]];
  const height = (count: number) => Math.log1p(count) / (Math.log1p(most) || 1);
  const across = (rank: number) => codes === 1 ? 0 : rank / (codes - 1);
  const points = Math.min(codes, MAX_POINTS);
  const ranks = Array.from({ length: points }, (_, i) => Math.round(i * (codes - 1) / Math.max(1, points - 1)));
  return {
    labels: ["codes by frequency", "count"],
    marks: [
      [1, ...roundNumbers(codes).filter((code) => code > 1)].map((code) => ({
        at: across(code - 1),
        text: grouped(code),
      })),
      [0, ...powersOfTen(most).filter((count) => height(count) > MIN_DISTANCE)].map((count) => ({
        at: height(count),
        text: compact(count),
      })),
    ],
    draw: (place) => [{
      line: ranks.map((rank) => place(across(rank), height(sorted[rank]))),
      color: BLUE,
      width: 2,
    }],
  };
}

/** Numbers of codes by their counts: none, 1, 2–3, 4–7, …. */
function histogram(counts: Float64Array): Chart {
  const bins = [0];
  for (const count of counts) {
    const bin = count === 0 ? 0 : 1 + Math.floor(Math.log2(count));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const numbers = Array.from(bins, (codes) => codes ?? 0);
  const most = Math.max(...numbers);
  const every = Math.ceil(numbers.length / MAX_NUMBERS);
  const marks = numbers.map((_, bin) => ({
    at: (bin + 0.5) / numbers.length,
    text: compact(bin === 0 ? 0 : 2 ** (bin - 1)),
  }));
  return {
    labels: ["count, in powers of two", "codes"],
    marks: [
      marks.filter((_, bin) => bin % every === 0),
      [0, ...roundNumbers(most)].map((codes) => ({ at: codes / most, text: compact(codes) })),
    ],
    draw: (place) =>
      numbers.map((codes, bin): Shape => {
        const [x, y] = place((bin + 0.05) / numbers.length, codes / most);
        const [right, bottom] = place((bin + 0.95) / numbers.length, 0);
        // codes that never occur stand out
        return { rectangle: [x, y, right - x, bottom - y], color: bin === 0 ? RED : BLUE };
      }),
  };
}

/** A few multiples of a round number, up to `most`. */
function roundNumbers(most: number): number[] {
  const magnitude = 10 ** Math.floor(Math.log10(most / 4));
  const step = Math.max(1, [1, 2, 5, 10].map((digit) => digit * magnitude).find((size) => size * 5 >= most)!);
  return Array.from({ length: Math.floor(most / step) }, (_, i) => (i + 1) * step);
}

/** 1, 10, 100, …, up to `most`. */
function powersOfTen(most: number): number[] {
  return Array.from({ length: most < 1 ? 0 : 1 + Math.floor(Math.log10(most)) }, (_, power) => 10 ** power);
}

function grouped(value: number): string {
  return value.toLocaleString("en");
}

/** A number in few letters: 16K for 16,384. */
function compact(value: number): string {
  return value.toLocaleString("en", { notation: "compact" });
}
