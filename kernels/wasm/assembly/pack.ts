// Weights in the order in which the kernels read them. Blocks are octets of output channels (of codes).
import { SLICE } from "../shared";

// @ts-ignore: decorator
@unmanaged
export class PackFields {
  /** As in the checkpoint: [out][in][taps]; codes are [codes][channels]. */
  raw: usize;
  packed: usize;
  /** Of a codebook, its second form: rows of `stored` channels. */
  rows: usize;
  inChannels: i32;
  outChannels: i32;
  taps: i32;
  /** Input channels as stored. */
  stored: i32;
}

const PACKED: usize = SLICE * 8 * 4;

// @ts-ignore: decorator
@inline
function raw(f: PackFields, out: i32, channel: i32, tap: i32): f32 {
  if (out >= f.outChannels || channel >= f.inChannels) return 0;
  return load<f32>(f.raw + (<usize>((out * f.inChannels + channel) * f.taps + tap) << 2));
}

/** [taps*stored/32][out/8][32][8] */
export function packDense(f: PackFields, octet: i32): void {
  const inner = f.taps * f.stored, slices = (inner + SLICE - 1) / SLICE, octets = (f.outChannels + 7) / 8;
  for (let k = 0; k < slices * SLICE; k++) {
    const to = f.packed + <usize>(k / SLICE * octets + octet) * PACKED + (<usize>(k % SLICE) << 5);
    const channel = k < inner ? k % f.stored : f.inChannels;
    for (let i = 0; i < 8; i++) store<f32>(to + (<usize>i << 2), raw(f, octet * 8 + i, channel, k / f.stored));
  }
}

/** G g G^T of Winograd's F(4, 3), computed in float64: [36][in/32][out/8][32][8] */
export function packWinograd(f: PackFields, octet: i32): void {
  const slices = (f.inChannels + SLICE - 1) / SLICE, octets = (f.outChannels + 7) / 8;
  const stride = <usize>(slices * octets) * PACKED;
  for (let channel = 0; channel < slices * SLICE; channel++) {
    const to = f.packed + <usize>(channel / SLICE * octets + octet) * PACKED + (<usize>(channel % SLICE) << 5);
    for (let i = 0; i < 8; i++) transformFilter(f, octet * 8 + i, channel, to + (<usize>i << 2), stride);
  }
}

/** Results of a one-dimensional transform. */
let u0: f64 = 0, u1: f64 = 0, u2: f64 = 0, u3: f64 = 0, u4: f64 = 0, u5: f64 = 0;

/** G g */
// @ts-ignore: decorator
@inline
function transform3(g0: f64, g1: f64, g2: f64): void {
  const even = (g0 + g2) / 6, odd = g1 / 6;
  const far = g0 / 24 + g2 / 6, near = g1 / 12;
  u0 = g0 / 4;
  u1 = -even - odd;
  u2 = odd - even;
  u3 = far + near;
  u4 = far - near;
  u5 = g2;
}

function transformFilter(f: PackFields, out: i32, channel: i32, to: usize, stride: usize): void {
  if (out >= f.outChannels || channel >= f.inChannels) {
    for (let position: usize = 0; position < 36; position++) store<f32>(to + position * stride, 0);
    return;
  }
  transform3(raw(f, out, channel, 0), raw(f, out, channel, 3), raw(f, out, channel, 6));
  const a0 = u0, a1 = u1, a2 = u2, a3 = u3, a4 = u4, a5 = u5;
  transform3(raw(f, out, channel, 1), raw(f, out, channel, 4), raw(f, out, channel, 7));
  const b0 = u0, b1 = u1, b2 = u2, b3 = u3, b4 = u4, b5 = u5;
  transform3(raw(f, out, channel, 2), raw(f, out, channel, 5), raw(f, out, channel, 8));
  const c0 = u0, c1 = u1, c2 = u2, c3 = u3, c4 = u4, c5 = u5;
  storeRow(a0, b0, c0, to, stride);
  storeRow(a1, b1, c1, to + 6 * stride, stride);
  storeRow(a2, b2, c2, to + 12 * stride, stride);
  storeRow(a3, b3, c3, to + 18 * stride, stride);
  storeRow(a4, b4, c4, to + 24 * stride, stride);
  storeRow(a5, b5, c5, to + 30 * stride, stride);
}

// @ts-ignore: decorator
@inline
function storeRow(a: f64, b: f64, c: f64, to: usize, stride: usize): void {
  transform3(a, b, c);
  store<f32>(to, <f32>u0);
  store<f32>(to + stride, <f32>u1);
  store<f32>(to + 2 * stride, <f32>u2);
  store<f32>(to + 3 * stride, <f32>u3);
  store<f32>(to + 4 * stride, <f32>u4);
  store<f32>(to + 5 * stride, <f32>u5);
}

/** [codes/8][channels][8], codes that do not exist infinitely far away; and rows of `stored` channels. */
export function packCodebook(f: PackFields, octet: i32): void {
  for (let i = 0; i < 8; i++) {
    const code = octet * 8 + i;
    const exists = code < f.outChannels;
    for (let c = 0; c < f.inChannels; c++) {
      const to = f.packed + <usize>(((octet * f.inChannels + c) * 8 + i) << 2);
      store<f32>(to, exists ? raw(f, code, c, 0) : f32.POSITIVE_INFINITY);
    }
    for (let c = 0; exists && c < f.stored; c++) {
      store<f32>(f.rows + (<usize>(code * f.stored + c) << 2), raw(f, code, c, 0));
    }
  }
}
