/**
 * Every op of the model, written to be obviously right: plain loops, float64 sums, NCHW, no care for speed.
 * The engines' kernels are held against these.
 */
import type { Dense as DenseOf } from "./golden.ts";

/** An array with its shape; pictures are `[n, c, h, w]`. */
export type Dense = DenseOf<Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>;
type Result = DenseOf<Float64Array<ArrayBuffer>>;

/** The activations a configuration may name. */
export type Activation = "silu" | "mish" | "gelu" | "relu";

const EPSILON = 1e-6;

const ACTIVATIONS: Record<Activation, (x: number) => number> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  relu: (x) => Math.max(x, 0),
};

/** erf by a series whose terms are all positive: 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!! */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

/** The activation of each element. */
export function activate(x: Dense, activation: Activation): Result {
  return { data: Float64Array.from(x.data, ACTIVATIONS[activation]), shape: x.shape };
}

/**
 * A convolution with a 1×1 or a 3×3 kernel. 1×1 has no padding. 3×3 with stride 1 has one pixel of zeros around; with
 * stride 2 one column on the right and one row at the bottom alone, as in Diffusers' downsampling.
 *
 * @param weight `[out, in, k, k]`
 * @param options `upsample` doubles both sides by repetition first; `residual` is added to the result
 */
export function conv2d(
  x: Dense,
  weight: Dense,
  { bias, stride = 1, upsample = false, residual }: {
    bias?: Dense;
    stride?: 1 | 2;
    upsample?: boolean;
    residual?: Dense;
  } = {},
): Result {
  const input = upsample ? resizeNearest(x, x.shape[2] * 2, x.shape[3] * 2) : x;
  const [n, channels, h, w] = input.shape;
  const [outChannels, , k] = weight.shape;
  // Of one type and read without `at`, plane by plane: most of the time of whole models goes to the innermost loop.
  const pixels = Float64Array.from(input.data);
  const before = k === 3 && stride === 1 ? 1 : 0;
  const after = k === 3 ? 1 : 0;
  const shape = [n, outChannels, ...[h, w].map((side) => Math.floor((side + before + after - k) / stride) + 1)];
  const result = fill(shape, ([, out]) => bias ? bias.data[out] : 0);
  const [, , outHeight, outWidth] = shape;
  for (let plane = 0; plane < n * outChannels; plane++) {
    const [item, out] = [Math.floor(plane / outChannels), plane % outChannels];
    const sums = result.data.subarray(plane * outHeight * outWidth, (plane + 1) * outHeight * outWidth);
    for (let tap = 0; tap < channels * k * k; tap++) {
      const [c, ky, kx] = [Math.floor(tap / (k * k)), Math.floor(tap / k) % k, tap % k];
      const factor = at(weight, out, c, ky, kx);
      for (let y = 0; y < outHeight; y++) {
        const row = y * stride + ky - before;
        if (row < 0 || row >= h) continue;
        const start = ((item * channels + c) * h + row) * w;
        for (let x = 0; x < outWidth; x++) {
          const column = x * stride + kx - before;
          if (column >= 0 && column < w) sums[y * outWidth + x] += factor * pixels[start + column];
        }
      }
    }
  }
  if (residual) result.data.forEach((value, i) => result.data[i] = value + residual.data[i]);
  return result;
}

/** Both sides by the nearest pixel: source = floor(target · from / to). */
export function resizeNearest(x: Dense, height: number, width: number): Result {
  const [n, c, h, w] = x.shape;
  return fill(
    [n, c, height, width],
    ([item, channel, y, column]) => at(x, item, channel, Math.floor(y * h / height), Math.floor(column * w / width)),
  );
}

/** Group norm over contiguous groups of channels, with the biased variance; `weight` and `bias` are `[c]`. */
export function groupNorm(
  x: Dense,
  { groups, weight, bias, activation }: { groups: number; weight: Dense; bias: Dense; activation?: Activation },
): Result {
  const [n, channels, h, w] = x.shape;
  const perGroup = channels / groups * h * w;
  const data = new Float64Array(x.data.length);
  for (let group = 0; group < n * groups; group++) {
    const values = x.data.subarray(group * perGroup, (group + 1) * perGroup);
    const mean = sumOf(values, (value) => value) / perGroup;
    const variance = sumOf(values, (value) => (value - mean) ** 2) / perGroup;
    for (let i = 0; i < perGroup; i++) {
      const channel = Math.floor((group * perGroup + i) / (h * w)) % channels;
      const normal = (values[i] - mean) / Math.sqrt(variance + EPSILON);
      data[group * perGroup + i] = normal * weight.data[channel] + bias.data[channel];
    }
  }
  const result = { data, shape: x.shape };
  return activation ? activate(result, activation) : result;
}

/** What MoVQ does after a group norm: `norm · y + b`, with `y` and `b` resized to it by the nearest pixel. */
export function spatialModulation(
  norm: Dense,
  { y, b, activation }: { y: Dense; b: Dense; activation?: Activation },
): Result {
  const [, , h, w] = norm.shape;
  const [scale, shift] = [y, b].map((map) => resizeNearest(map, h, w).data);
  const result = { data: Float64Array.from(norm.data, (value, i) => value * scale[i] + shift[i]), shape: norm.shape };
  return activation ? activate(result, activation) : result;
}

/** Self-attention over all pixels with one head as wide as the channels; `q`, `k`, `v` and the result `[n, c, h, w]`. */
export function attention(q: Dense, { k, v }: { k: Dense; v: Dense }): Result {
  const [n, channels, h, w] = q.shape;
  const pixels = h * w;
  const result: Result = { data: new Float64Array(q.data.length), shape: q.shape };
  for (let item = 0; item < n; item++) {
    const offset = (channel: number, pixel: number) => (item * channels + channel) * pixels + pixel;
    for (let query = 0; query < pixels; query++) {
      const scores = Float64Array.from({ length: pixels }, (_, key) => {
        let dot = 0;
        for (let c = 0; c < channels; c++) dot += q.data[offset(c, query)] * k.data[offset(c, key)];
        return dot / Math.sqrt(channels);
      });
      const highest = scores.reduce((a, b) => Math.max(a, b));
      const weights = scores.map((score) => Math.exp(score - highest));
      const total = sumOf(weights, (weight) => weight);
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let key = 0; key < pixels; key++) sum += weights[key] / total * v.data[offset(c, key)];
        result.data[offset(c, query)] = sum;
      }
    }
  }
  return result;
}

/**
 * For each pixel of `[n, c, h, w]` the row of `codebook` `[codes, c]` at the smallest squared distance, the first of
 * equals, and 0 for a pixel that holds NaN.
 */
export function nearestCode(x: Dense, codebook: Dense): DenseOf<Int32Array<ArrayBuffer>> {
  const [n, channels, h, w] = x.shape;
  const [codes] = codebook.shape;
  const data = new Int32Array(n * h * w);
  for (let pixel = 0; pixel < data.length; pixel++) {
    const item = Math.floor(pixel / (h * w));
    let nearest = Infinity;
    for (let code = 0; code < codes; code++) {
      let distance = 0;
      for (let c = 0; c < channels; c++) {
        const value = x.data[(item * channels + c) * h * w + pixel % (h * w)];
        distance += (value - codebook.data[code * channels + c]) ** 2;
      }
      if (distance < nearest) {
        nearest = distance;
        data[pixel] = code;
      }
    }
  }
  return { data, shape: [n, h, w] };
}

/** As {@linkcode nearestCode}, the row of the greatest inner product. */
export function greatestProduct(x: Dense, codebook: Dense): DenseOf<Int32Array<ArrayBuffer>> {
  const [n, channels, h, w] = x.shape;
  const [codes] = codebook.shape;
  const data = Int32Array.from({ length: n * h * w }, (_, pixel) => {
    const [item, place] = [Math.floor(pixel / (h * w)), pixel % (h * w)];
    const products = Array.from({ length: codes }, (_, code) => {
      const row = codebook.data.subarray(code * channels, (code + 1) * channels);
      return sumOf(row, (value, c) => value * x.data[(item * channels + c) * h * w + place]);
    });
    return Math.max(0, products.indexOf(products.reduce((a, b) => Math.max(a, b))));
  });
  return { data, shape: [n, h, w] };
}

/** The codebook's rows for indices `[n, h, w]`, as `[n, c, h, w]`. */
export function lookup(indices: DenseOf<Int32Array<ArrayBuffer>>, codebook: Dense): Result {
  const [n, h, w] = indices.shape;
  const [, channels] = codebook.shape;
  return fill([n, channels, h, w], ([item, channel, y, x]) => {
    const code = indices.data[(item * h + y) * w + x];
    return codebook.data[code * channels + channel];
  });
}

/** The quantizer's loss at inference: 1.25 times the mean squared difference. */
export function loss(latents: Dense, quantized: Dense): number {
  return 1.25 * sumOf(latents.data, (value, i) => (quantized.data[i] - value) ** 2) / latents.data.length;
}

/** An array of that shape, each element computed from its position. */
function fill(shape: readonly number[], value: (position: number[], index: number) => number): Result {
  const data = new Float64Array(shape.reduce((product, side) => product * side, 1));
  const [, channels, h, w] = shape;
  for (let i = 0; i < data.length; i++) {
    const [x, y, plane] = [i % w, Math.floor(i / w) % h, Math.floor(i / (w * h))];
    data[i] = value([Math.floor(plane / channels), plane % channels, y, x], i);
  }
  return { data, shape };
}

function at({ data, shape: [, channels, h, w] }: Dense, n: number, c: number, y: number, x: number): number {
  return data[((n * channels + c) * h + y) * w + x];
}

function sumOf(values: Dense["data"], term: (value: number, index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += term(values[i], i);
  return sum;
}
