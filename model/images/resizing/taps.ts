/**
 * Computes the weights of source positions for each position of a resized side, like PIL.
 *
 * @module
 */

/** A filter with weights. */
export type Filter = "lanczos" | "bicubic" | "bilinear" | "box" | "hamming";

/** Weights of consecutive source positions for each target position, in pairs, as assembly/resample.ts reads them. */
export interface Taps {
  /** The first source position and the number of pairs, for each target position. */
  readonly bounds: Int32Array<ArrayBuffer>;
  /** Two numbers per pair: the low 15 bits of both weights, and the high bits of both. */
  readonly pairs: Int32Array<ArrayBuffer>;
  /** Distance in `pairs` between two target positions. */
  readonly stride: number;
}

/** Weights by distance in source pixels, zero beyond `support`. Shrinking stretches the distance. */
interface Kernel {
  readonly support: number;
  weigh(distance: number): number;
}

const KERNELS: Record<Filter, Kernel> = {
  box: { support: 0.5, weigh: (x) => x > -0.5 && x <= 0.5 ? 1 : 0 },
  bilinear: { support: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) },
  hamming: { support: 1, weigh: hamming },
  bicubic: { support: 2, weigh: bicubic },
  lanczos: { support: 3, weigh: (x) => -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0 },
};

/** PIL has these as 32-bit floats. */
const HAMMING_MEAN = Math.fround(0.54);
const HAMMING_SWING = Math.fround(0.46);

/** Most weights per side, which take about 0.5 s. Sides of 65,535 pixels need a quarter of them. */
const MAX_WEIGHTS = 2 ** 21;

/** Fixed-point 1: 32 bits less 8 for the sample and 2 for overshoot. */
const ONE = 1 << 22;

const LOW_BITS = 15;
const LOW = (1 << LOW_BITS) - 1;

/**
 * The taps of `sizeOut` positions that are spread evenly from `start` to `stop` (32-bit floats) of `sizeIn`.
 *
 * @throws {RangeError} if there are too many
 */
export function tapsOf(filter: Filter, sizeIn: number, start: number, stop: number, sizeOut: number): Taps {
  const { support, weigh } = KERNELS[filter];
  const ratio = Math.fround(stop - start) / sizeOut;
  const stretch = Math.max(ratio, 1);
  const radius = support * stretch;
  const stride = 2 * Math.ceil(Math.min(2 * Math.ceil(radius) + 1, sizeIn) / 2);
  if (stride * sizeOut > MAX_WEIGHTS) {
    throw new RangeError(
      `Cannot resize picture: from ${sizeIn} to ${sizeOut} pixels per side takes ${stride * sizeOut} weights, ` +
        `more than ${MAX_WEIGHTS}; crop the picture to another aspect ratio first, or resize it by "nearest"`,
    );
  }
  const bounds = new Int32Array(2 * sizeOut);
  const pairs = new Int32Array(stride * sizeOut);
  const weights = new Float64Array(stride);
  for (let position = 0; position < sizeOut; position++) {
    const centre = start + (position + 0.5) * ratio;
    const first = Math.max(Math.trunc(centre - radius + 0.5), 0);
    const count = Math.max(Math.min(Math.trunc(centre + radius + 0.5), sizeIn) - first, 0);
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[i] = weigh((i + first - centre + 0.5) * (1 / stretch));
    weights[count] = 0; // the second weight of the last pair, if count is odd
    for (let i = 0, to = stride * position; i < count; i += 2) {
      const a = fixed(weights[i] / (total || 1));
      const b = fixed(weights[i + 1] / (total || 1));
      pairs[to++] = a & LOW | (b & LOW) << 16;
      pairs[to++] = a >> LOW_BITS & 0xffff | b >> LOW_BITS << 16;
    }
    bounds[2 * position] = first;
    bounds[2 * position + 1] = Math.ceil(count / 2);
  }
  return { bounds, pairs, stride };
}

/** To fixed point, rounding halves away from zero. */
function fixed(weight: number): number {
  return Math.trunc(weight < 0 ? weight * ONE - 0.5 : weight * ONE + 0.5);
}

function hamming(x: number): number {
  return Math.abs(x) < 1 ? sinc(x) * (x === 0 ? 1 : HAMMING_MEAN + HAMMING_SWING * Math.cos(Math.abs(x) * Math.PI)) : 0;
}

function bicubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
