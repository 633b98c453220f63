// The statistics of group normalization, in two jobs: those of chunks of pixels, and their combination.
//
// Large means with small variances must stay exact. So each chunk is summed around the mean of a sample of it (a sixteenth:
// the mean of all is at most four deviations away), chunks are combined in float64 by Chan's formula, and the mean is
// applied in two parts: x - center is exact where it matters, and the rounding error of center goes into the shift. If squares
// exceed float32, the chunk is summed again in float64.
import { NormFoldFields, NormStatisticsFields } from "../job_fields";
import { LINE } from "../memory/cache_lines";
import { add, madd, splat, sub } from "../simd/simd";

/** Statistics of one chunk of pixels. */
export function normStatistics(f: NormStatisticsFields, block: i32, thread: i32): void {
  const image = block / f.chunks;
  const first = block % f.chunks * f.chunkPixels;
  const count = min(f.chunkPixels, f.pixels - first);
  const row = <usize> f.stored << 2;
  const start = f.x + <usize> (image * f.pixels + first) * row;
  const end = start + <usize> count * row;
  const sums = f.workspace + <usize> thread * f.workspaceBytes;
  prefetch(start, end, sums);
  let c: usize = 0;
  for (; c + LINE <= row; c += LINE) sumLine(start + c, row, count, sums + c);
  for (; c < row; c += 16) sumVector(start + c, row, count, sums + c);
  foldChannels(f, start, count, sums, f.statistics + (<usize> (block * f.groups) << 4));
}

/**
 * Reads all cache lines sequentially, because the sums then read them in strides. The store keeps the compiler from removing
 * the loads.
 */
function prefetch(start: usize, end: usize, to: usize): void {
  let all = splat(0);
  for (let p = start; p < end; p += LINE) all = v128.or(all, v128.load(p));
  v128.store(to, all);
}

/** One of this many pixels belongs to the sample, around whose mean all are summed. */
const SPACING: i32 = 16;
/** Pixels per partial sum: longer sums of equal numbers would drift. */
const RUN: i32 = 64;

@inline
function sampleOf(count: i32): i32 {
  return (count + SPACING - 1) / SPACING;
}

/** Three rows of `sums` for four channels: mean of a sample, sum of differences from it, sum of their squares. */
function sumVector(start: usize, row: usize, count: i32, sums: usize): void {
  let s = splat(0), q = splat(0);
  const sample = sampleOf(count);
  for (let i = 0, p = start; i < sample; i++, p += <usize> SPACING * row) s = add(s, v128.load(p));
  const center = f32x4.div(s, splat(<f32> sample));
  s = splat(0);
  for (let left = count, p = start; left > 0; left -= RUN) {
    let runS = splat(0), runQ = splat(0);
    for (let i = min(left, RUN); i > 0; i--, p += row) {
      const d = sub(v128.load(p), center);
      runS = add(runS, d);
      runQ = madd(d, d, runQ);
    }
    s = add(s, runS);
    q = add(q, runQ);
  }
  v128.store(sums, center);
  v128.store(sums + row, s);
  v128.store(sums + 2 * row, q);
}

/** The same for 16 channels, one cache line: a single sum would be limited by the latency of additions. */
function sumLine(start: usize, row: usize, count: i32, sums: usize): void {
  let s0 = splat(0), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
  const sample = sampleOf(count);
  for (let i = 0, p = start; i < sample; i++, p += <usize> SPACING * row) {
    s0 = add(s0, v128.load(p));
    s1 = add(s1, v128.load(p, 16));
    s2 = add(s2, v128.load(p, 32));
    s3 = add(s3, v128.load(p, 48));
  }
  const n = splat(<f32> sample);
  const c0 = f32x4.div(s0, n), c1 = f32x4.div(s1, n), c2 = f32x4.div(s2, n), c3 = f32x4.div(s3, n);
  s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (let left = count, p = start; left > 0; left -= RUN) {
    let t0 = splat(0), t1 = t0, t2 = t0, t3 = t0, u0 = t0, u1 = t0, u2 = t0, u3 = t0;
    for (let i = min(left, RUN); i > 0; i--, p += row) {
      const d0 = sub(v128.load(p), c0), d1 = sub(v128.load(p, 16), c1);
      const d2 = sub(v128.load(p, 32), c2), d3 = sub(v128.load(p, 48), c3);
      t0 = add(t0, d0);
      t1 = add(t1, d1);
      t2 = add(t2, d2);
      t3 = add(t3, d3);
      u0 = madd(d0, d0, u0);
      u1 = madd(d1, d1, u1);
      u2 = madd(d2, d2, u2);
      u3 = madd(d3, d3, u3);
    }
    s0 = add(s0, t0), s1 = add(s1, t1), s2 = add(s2, t2), s3 = add(s3, t3);
    q0 = add(q0, u0), q1 = add(q1, u1), q2 = add(q2, u2), q3 = add(q3, u3);
  }
  storeLine(sums, c0, c1, c2, c3);
  storeLine(sums + row, s0, s1, s2, s3);
  storeLine(sums + 2 * row, q0, q1, q2, q3);
}

@inline
function storeLine(to: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  v128.store(to, v0);
  v128.store(to, v1, 16);
  v128.store(to, v2, 32);
  v128.store(to, v3, 48);
}

/** Combines the channels of each group. */
function foldChannels(f: NormStatisticsFields, start: usize, count: i32, sums: usize, to: usize): void {
  const row = <usize> f.stored << 2;
  const size = f.channels / f.groups;
  const n = <f64> count;
  let p = sums;
  for (let group = 0; group < f.groups; group++, to += 16) {
    let mean: f64 = 0, squares: f64 = 0;
    for (let i = 0; i < size; i++, p += 4) {
      const offset = <f64> load<f32>(p + row) / n;
      const channelMean = <f64> load<f32>(p) + offset;
      const channelSquares = <f64> load<f32>(p + 2 * row) - offset * offset * n;
      const difference = channelMean - mean;
      mean += difference / <f64> (i + 1);
      squares += channelSquares + difference * difference * n * <f64> i / <f64> (i + 1);
    }
    store<f64>(to, mean);
    store<f64>(to, squares, 8);
    if (!(squares < Infinity)) sumLarge(f, start + (<usize> (group * size) << 2), count, to);
  }
}

/** The statistics of one group, whose first channel is at `start`, from values whose squares exceed float32. */
function sumLarge(f: NormStatisticsFields, start: usize, count: i32, to: usize): void {
  const row = <usize> f.stored << 2, end = <usize> (f.channels / f.groups) << 2;
  const n = <f64> count * <f64> (f.channels / f.groups);
  let mean: f64 = 0, squares: f64 = 0;
  for (let i = 0, p = start; i < count; i++, p += row) {
    for (let c: usize = 0; c < end; c += 4) mean += <f64> load<f32>(p + c) / n;
  }
  for (let i = 0, p = start; i < count; i++, p += row) {
    for (let c: usize = 0; c < end; c += 4) {
      const difference = <f64> load<f32>(p + c) - mean;
      squares += difference * difference;
    }
  }
  store<f64>(to, mean);
  store<f64>(to, squares, 8);
}

/** Combines the chunks of one image, and computes the coefficients of each channel. */
export function normFold(f: NormFoldFields, image: i32): void {
  const size = f.channels / f.groups;
  const row = <usize> f.stored << 2;
  const coefficients = f.coefficients + <usize> image * 3 * row;
  memory.fill(coefficients, 0, 3 * row);
  for (let group = 0; group < f.groups; group++) {
    let mean: f64 = 0, squares: f64 = 0, n: f64 = 0;
    for (let chunk = 0; chunk < f.chunks; chunk++) {
      const p = f.statistics + (<usize> ((image * f.chunks + chunk) * f.groups + group) << 4);
      const band = chunk / f.bandChunks * f.bandPixels;
      const before = band + chunk % f.bandChunks * f.chunkPixels;
      const m = <f64> min(f.chunkPixels, min(band + f.bandPixels, f.pixels) - before) * <f64> size;
      const difference = load<f64>(p) - mean;
      mean += difference * m / (n + m);
      squares += load<f64>(p, 8) + difference * difference * n * m / (n + m);
      n += m;
    }
    const deviation = 1 / sqrt(squares / n + <f64> f.epsilon);
    const center = <f32> mean;
    for (let c = <usize> (group * size) << 2, end = c + (<usize> size << 2); c < end; c += 4) {
      const scale = <f64> load<f32>(f.gamma + c) * deviation;
      store<f32>(coefficients + c, center);
      store<f32>(coefficients + row + c, <f32> scale);
      store<f32>(coefficients + 2 * row + c, <f32> (<f64> load<f32>(f.beta + c) - (mean - <f64> center) * scale));
    }
  }
}
