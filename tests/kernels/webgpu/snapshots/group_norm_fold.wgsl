// group norm: fold, {"LANES":8}

const SCALE = 2.3283064365386963e-10; // 2^-32
struct Params { channels: u32, c4: u32, area: u32, chunkPixels: u32, chunks: u32, bandPixels: u32, bandChunks: u32, groups: u32, epsilon: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;       // scales of all channels, then offsets
@group(0) @binding(3) var<storage, read_write> table: array<f32>;   // [image][center, scale, shift][channel]

override LANES: u32;
var<workgroup> partials: array<f32, LANES>;
fn reduceSum(value: f32, lane: u32) -> f32 {
  partials[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partials[lane] += partials[lane + half]; }
    workgroupBarrier();
  }
  let total = partials[0];
  workgroupBarrier();
  return total;
}
fn reduceMax(value: f32, lane: u32) -> f32 {
  partials[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partials[lane] = max(partials[lane], partials[lane + half]); }
    workgroupBarrier();
  }
  let greatest = partials[0];
  workgroupBarrier();
  return greatest;
}

struct Part { mean: f32, count: f32, squares: f32 } // of one channel in one chunk, scaled; the mean is relative to `about`
fn part(i: u32, image: u32, start: u32, each: u32, about: f32) -> Part {
  let chunk = i / each;
  let at = ((image * p.chunks + chunk) * p.c4 * 3u) * 4u + channelAt(start + i % each);
  let band = chunk / p.bandChunks * p.bandPixels;
  let before = band + chunk % p.bandChunks * p.chunkPixels;
  let count = f32(min(p.chunkPixels, min(band + p.bandPixels, p.area) - before));
  let sum = sums[at + 4u];
  return Part((sums[at] - about) * SCALE + sum / count, count, sums[at + 8u] - sum * sum / count);
}
fn channelAt(channel: u32) -> u32 { return (channel / 4u) * 12u + channel % 4u; }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let image = wg.y;
  let each = p.channels / p.groups;
  let start = wg.x * each;
  let parts = p.chunks * each;
  let elements = f32(p.area) * f32(each);
  let about = sums[(image * p.chunks * p.c4 * 3u) * 4u + channelAt(start)];

  var sum = 0.0;
  for (var i = l.x; i < parts; i += LANES) {
    let one = part(i, image, start, each, about);
    sum += one.mean * one.count;
  }
  let mean = reduceSum(sum, l.x) / elements; // scaled, and relative to about
  var squares = 0.0;
  for (var i = l.x; i < parts; i += LANES) {
    let one = part(i, image, start, each, about);
    squares += one.squares + one.count * (one.mean - mean) * (one.mean - mean);
  }
  let variance = reduceSum(squares, l.x) / elements;

  // Dropping bits keeps compilers from simplifying the difference below to zero.
  let center = bitcast<f32>(bitcast<u32>(about + mean / SCALE) & 0xfffffff0u);
  let rest = mean / SCALE - (center - about);
  let scale = SCALE / sqrt(variance + p.epsilon * SCALE * SCALE);
  let row = image * 3u * p.c4 * 4u;
  for (var i = l.x; i < each; i += LANES) {
    let channel = start + i;
    let gain = scale * weights[channel];
    table[row + channel] = center;
    table[row + p.c4 * 4u + channel] = gain;
    table[row + p.c4 * 8u + channel] = weights[p.c4 * 4u + channel] - rest * gain;
  }
  let padding = p.channels + l.x; // padding channels become zero
  if (wg.x == 0u && padding < p.c4 * 4u) {
    table[row + padding] = 0.0;
    table[row + p.c4 * 4u + padding] = 0.0;
    table[row + p.c4 * 8u + padding] = 0.0;
  }
}
