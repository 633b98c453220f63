// Attention of all pixels of an image to all of another map, one head. Keys and values are packed for the micro-kernel
// once; then each block of queries visits the keys in chunks with a running softmax, so that the N x N matrix is never
// materialized.
//   packed keys    [image][channels/32][keys/8][32][8]
//   packed values  [image][keys/32][channels/8][32][8]
//   scores         [group][chunk/8][6][8]
//   sums           [group][channels/8][6][8]
import { GROUP, SLICE } from "../../abi";
import { AttentionFields, AttentionPackFields } from "../job_fields";
import { startOf } from "../memory/partition";
import { exp } from "../simd/exponential";
import { copyPartialRow, copyRow, LHS_BYTES, setLhs } from "../matmul/lhs_panel";
import { multiply, PRODUCT_BYTES } from "../matmul/multiply";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { add, lanes, maximum, mul, splat, sub } from "../simd/simd";

/** Packs 32 keys and values, padded with zeros. */
export function attentionPack(f: AttentionPackFields, block: i32): void {
  const keySlices = (f.keyPixels + SLICE - 1) / SLICE;
  const image = block / keySlices, slice = block % keySlices;
  const channelSlices = (f.stored + SLICE - 1) / SLICE, octets = (f.stored + 7) / 8;
  const keys = f.keys + <usize> (image * channelSlices * keySlices * 4) * RHS_BYTES;
  const values = f.values + <usize> ((image * keySlices + slice) * octets) * RHS_BYTES;
  const first = slice * SLICE;
  for (let i = 0; i < SLICE; i += 4) {
    for (let c = 0; c < channelSlices * SLICE; c += 4) {
      const octet = (c / SLICE * keySlices + slice) * 4 + i / 8;
      const to = keys + <usize> octet * RHS_BYTES + <usize> ((c % SLICE * 8 + i % 8) << 2);
      const k0 = channels4(f, f.k, image, first + i, c), k1 = channels4(f, f.k, image, first + i + 1, c);
      const k2 = channels4(f, f.k, image, first + i + 2, c), k3 = channels4(f, f.k, image, first + i + 3, c);
      storeTransposed(to, k0, k1, k2, k3);
    }
  }
  for (let i = 0; i < SLICE; i++) {
    for (let c = 0; c < octets * 8; c += 4) {
      const to = values + <usize> (c / 8) * RHS_BYTES + <usize> ((i * 8 + c % 8) << 2);
      v128.store(to, channels4(f, f.v, image, first + i, c));
    }
  }
}

/** Four channels of a pixel, or zeros beyond the last. */
@inline
function channels4(f: AttentionPackFields, from: usize, image: i32, pixel: i32, c: i32): v128 {
  const exists = pixel < f.keyPixels && c < f.stored;
  return exists ? v128.load(from + (<usize> ((image * f.keyPixels + pixel) * f.stored + c) << 2)) : i32x4.splat(0);
}

/** Stores the columns of four rows, 32 bytes apart. */
@inline
function storeTransposed(to: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(to, v128.shuffle<i64>(low01, low23, 1, 3), 32);
  v128.store(to, v128.shuffle<i64>(high01, high23, 0, 2), 64);
  v128.store(to, v128.shuffle<i64>(high01, high23, 1, 3), 96);
}

/** One block of queries of one image. */
export function attention(f: AttentionFields, block: i32, thread: i32): void {
  const image = block / f.queryBlocks, part = block % f.queryBlocks;
  const groups = (f.pixels + GROUP - 1) / GROUP;
  const first = startOf(part, f.queryBlocks, groups);
  const count = startOf(part + 1, f.queryBlocks, groups) - first;
  const octets = (f.stored + 7) / 8;
  const padded = (f.keyPixels + SLICE - 1) / SLICE * SLICE;

  // Per query, the maximum so far (at least -3e38, so that differences stay finite) and the sum of exponentials.
  const maxima = f.workspace + <usize> thread * f.workspaceBytes;
  const totals = maxima + (<usize> (count * GROUP) << 2);
  const sums = totals + (<usize> (count * GROUP) << 2);
  const scores = sums + <usize> (count * octets) * PRODUCT_BYTES;
  const lhs = scores + <usize> (count * f.chunk / 8) * PRODUCT_BYTES;
  for (let i = 0; i < count * GROUP; i++) {
    store<f32>(maxima + (<usize> i << 2), -f32.MAX_VALUE);
    store<f32>(totals + (<usize> i << 2), 0);
  }
  for (let key = 0; key < padded; key += f.chunk) {
    const keys = min(f.chunk, padded - key);
    score(f, image, first, count, key, keys, lhs, scores);
    for (let i = 0; i < count * GROUP; i++) {
      const group = i / GROUP, r = <usize> (i % GROUP) << 5;
      const at = <usize> i << 2;
      const s = scores + <usize> (group * keys / 8) * PRODUCT_BYTES + r;
      const factor = exponentiate(s, min(keys, f.keyPixels - key), keys, f.scale, maxima + at, totals + at);
      if (key > 0 && factor != 1) scaleRow(sums + <usize> (group * octets) * PRODUCT_BYTES + r, octets, factor);
    }
    addValues(f, image, count, key, keys, scores, lhs, sums);
  }
  writeResults(f, image, first, count, totals, sums);
}

/** Products of queries and keys. */
function score(
  f: AttentionFields,
  image: i32,
  first: i32,
  count: i32,
  key: i32,
  keys: i32,
  lhs: usize,
  scores: usize,
): void {
  const channelSlices = (f.stored + SLICE - 1) / SLICE;
  const keyOctets = (f.keyPixels + SLICE - 1) / SLICE * 4;
  const lhsSlice = <usize> count * LHS_BYTES, keySlice = <usize> keyOctets * RHS_BYTES;
  for (let slice = 0; slice < channelSlices; slice += 2) {
    const packed = f.keys + <usize> ((image * channelSlices + slice) * keyOctets + key / 8) * RHS_BYTES;
    const depth = min(2, channelSlices - slice);
    for (let g = 0; g < count; g++) {
      for (let i = 0; i < depth; i++) {
        const to = lhs + <usize> i * lhsSlice + <usize> g * LHS_BYTES;
        gatherQueries(f, image, (first + g) * GROUP, (slice + i) * SLICE, to);
      }
    }
    multiply(depth, count, keys / 8, lhs, lhsSlice, LHS_BYTES, packed, keySlice, scores, slice == 0);
  }
}

/** Fills an lhs panel with 32 channels of six queries. */
function gatherQueries(f: AttentionFields, image: i32, first: i32, c: i32, lhs: usize): void {
  for (let r = 0; r < GROUP; r++) {
    const pixel = min(first + r, f.pixels - 1);
    const from = f.q + (<usize> ((image * f.pixels + pixel) * f.stored + c) << 2);
    if (c + SLICE <= f.stored) copyRow(lhs, r, from);
    else copyPartialRow(lhs, r, from, <usize> (f.stored - c) << 2);
  }
}

/** Turns one query's scores into exponentials. Returns the factor by which earlier sums must be scaled. */
function exponentiate(scores: usize, exist: i32, keys: i32, scale: f32, maxima: usize, totals: usize): f32 {
  for (let key = exist; key < keys; key++) store<f32>(scores + lane(key), -f32.MAX_VALUE);
  const end = scores + <usize> (keys / 8) * PRODUCT_BYTES;
  let m = splat(-f32.MAX_VALUE);
  for (let p = scores; p < end; p += PRODUCT_BYTES) m = maximum(m, maximum(v128.load(p), v128.load(p, 16)));
  const before = load<f32>(maxima);
  const after = max(before, scale * largest(m));
  const shift = splat(after), factor = splat(scale);
  let sum = splat(0);
  for (let p = scores; p < end; p += PRODUCT_BYTES) {
    const a = exp(sub(mul(v128.load(p), factor), shift));
    const b = exp(sub(mul(v128.load(p, 16), factor), shift));
    v128.store(p, a);
    v128.store(p, b, 16);
    sum = add(sum, add(a, b));
  }
  const rescale = f32x4.extract_lane(exp(splat(before - after)), 0);
  store<f32>(maxima, after);
  store<f32>(totals, load<f32>(totals) * rescale + <f32> lanes(sum));
  return rescale;
}

/** Byte offset of a key's score from the query's first. */
@inline
function lane(key: i32): usize {
  return <usize> (key / 8) * PRODUCT_BYTES + (<usize> (key % 8) << 2);
}

@inline
function largest(m: v128): f32 {
  return max(
    max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
    max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
  );
}

function scaleRow(sums: usize, octets: i32, by: f32): void {
  const factor = splat(by);
  for (let i = 0; i < octets; i++, sums += PRODUCT_BYTES) {
    v128.store(sums, mul(v128.load(sums), factor));
    v128.store(sums, mul(v128.load(sums, 16), factor), 16);
  }
}

/** Adds the values, weighted by the exponentials, to the sums. */
function addValues(
  f: AttentionFields,
  image: i32,
  count: i32,
  key: i32,
  keys: i32,
  scores: usize,
  lhs: usize,
  sums: usize,
): void {
  const octets = (f.stored + 7) / 8;
  const keySlices = (f.keyPixels + SLICE - 1) / SLICE;
  const lhsSlice = <usize> count * LHS_BYTES, valueSlice = <usize> octets * RHS_BYTES;
  for (let slice = 0; slice < keys / SLICE; slice += 2) {
    const values = f.values + <usize> ((image * keySlices + key / SLICE + slice) * octets) * RHS_BYTES;
    const depth = min(2, keys / SLICE - slice);
    for (let g = 0; g < count; g++) {
      for (let i = 0; i < depth; i++) {
        const from = scores + <usize> (g * keys / 8 + (slice + i) * 4) * PRODUCT_BYTES;
        copyScores(from, lhs + <usize> i * lhsSlice + <usize> g * LHS_BYTES);
      }
    }
    multiply(depth, count, octets, lhs, lhsSlice, LHS_BYTES, values, valueSlice, sums, key == 0 && slice == 0);
  }
}

/** Fills an lhs panel: [4][6][8] becomes [6][32]. */
function copyScores(from: usize, lhs: usize): void {
  for (let k: usize = 0; k < <usize> SLICE; k += 8) {
    for (let r: usize = 0; r < <usize> GROUP; r++, from += 32) {
      setLhs(lhs, r, k, v128.load(from));
      setLhs(lhs, r, k + 4, v128.load(from, 16));
    }
  }
}

/** Divides the sums by the totals. */
function writeResults(f: AttentionFields, image: i32, first: i32, count: i32, totals: usize, sums: usize): void {
  const octets = (f.stored + 7) / 8;
  const end = min(count * GROUP, f.pixels - first * GROUP);
  for (let i = 0; i < end; i++) {
    const factor = splat(1 / load<f32>(totals + (<usize> i << 2)));
    const from = sums + <usize> (i / GROUP * octets) * PRODUCT_BYTES + (<usize> (i % GROUP) << 5);
    const to = f.y + (<usize> ((image * f.pixels + first * GROUP + i) * f.stored) << 2);
    for (let c: usize = 0; c < <usize> f.stored << 2; c += 16) {
      v128.store(to + c, mul(v128.load(from + (c >> 5) * PRODUCT_BYTES + (c & 16)), factor));
    }
  }
}
