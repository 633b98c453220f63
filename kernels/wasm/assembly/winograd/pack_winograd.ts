// Weights for Winograd's algorithm: G g G^T, in the order [position][in/32][out/8][32][8]. Four output channels at a time.
import { Kind, SLICE } from "../../abi";
import { PackWinograd4Fields } from "../job_fields";
import { SCRATCH, scratch } from "../memory/area";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { add, C, K, madd, mul, splat, sub } from "../simd/simd";

/** F(4x4, 3x3), one octet of output channels. */
export function packWinograd4(f: PackWinograd4Fields, octet: i32): void {
  pack(f, octet, 6, Kind.PackWinograd4);
}

/** F(6x6, 3x3), one octet of output channels. */
export function packWinograd6(f: PackWinograd4Fields, octet: i32): void {
  pack(f, octet, 8, Kind.PackWinograd6);
}

/** Stride 2, one octet of output channels. */
export function packWinogradStrided(f: PackWinograd4Fields, octet: i32): void {
  pack(f, octet, 6, Kind.PackWinogradStrided);
}

@inline
function pack(f: PackWinograd4Fields, octet: i32, side: i32, kind: Kind): void {
  const slices = (f.inChannels + SLICE - 1) / SLICE, octets = (f.outChannels + 7) / 8;
  const stride = <usize>(slices * octets) * RHS_BYTES;
  for (let channel = 0; channel < slices * SLICE; channel++) {
    const to = f.packed + <usize>(channel / SLICE * octets + octet) * RHS_BYTES + (<usize>(channel % SLICE) << 5);
    for (let half = 0; half < 2; half++) {
      transformColumns(f, octet * 8 + half * 4, channel, kind);
      for (let i = 0; i < side; i++) {
        const column = <usize>(i * 3);
        const row = to + <usize>(half * 16) + <usize>(i * side) * stride;
        transform(scratch(column), scratch(column + 1), scratch(column + 2), row, stride, kind);
      }
    }
  }
}

/** G g, to scratch [side][3]. */
@inline
function transformColumns(f: PackWinograd4Fields, out: i32, channel: i32, kind: Kind): void {
  for (let tap = 0; tap < 3; tap++) {
    const g0 = gather(f, out, channel, tap), g1 = gather(f, out, channel, tap + 3), g2 = gather(f, out, channel, tap + 6);
    transform(g0, g1, g2, SCRATCH + (<usize>tap << 4), 48, kind);
  }
}

/** One tap of four output channels; zero beyond the last channels. */
function gather(f: PackWinograd4Fields, out: i32, channel: i32, tap: i32): v128 {
  if (channel >= f.inChannels) return splat(0);
  const stride = <usize>(f.inChannels * 9) << 2;
  const p = f.raw + <usize>out * stride + (<usize>(channel * 9 + tap) << 2);
  let v = splat(0);
  if (out < f.outChannels) v = v128.load_lane<f32>(p, v, 0);
  if (out + 1 < f.outChannels) v = v128.load_lane<f32>(p + stride, v, 1);
  if (out + 2 < f.outChannels) v = v128.load_lane<f32>(p + 2 * stride, v, 2);
  if (out + 3 < f.outChannels) v = v128.load_lane<f32>(p + 3 * stride, v, 3);
  return v;
}

@inline
function transform(g0: v128, g1: v128, g2: v128, to: usize, stride: usize, kind: Kind): void {
  if (kind == Kind.PackWinograd4) transform4(g0, g1, g2, to, stride);
  else if (kind == Kind.PackWinograd6) transform6(g0, g1, g2, to, stride);
  else transformStrided(g0, g1, g2, to, stride);
}

/** Rows of G: [1/4, 0, 0], -[1, ±1, 1] / 6, [1, ±2, 4] / 24, [0, 0, 1]. */
@inline
function transform4(g0: v128, g1: v128, g2: v128, to: usize, stride: usize): void {
  const even = f32x4.div(add(g0, g2), splat(6)), odd = f32x4.div(g1, splat(6));
  const far = f32x4.div(madd(g2, K(C.Four), g0), splat(24)), near = f32x4.div(g1, splat(12));
  v128.store(to, mul(g0, K(C.Quarter)));
  v128.store(to + stride, f32x4.neg(add(even, odd)));
  v128.store(to + 2 * stride, sub(odd, even));
  v128.store(to + 3 * stride, add(far, near));
  v128.store(to + 4 * stride, sub(far, near));
  v128.store(to + 5 * stride, g2);
}

/** Rows of G: [1, 0, 0], -2/9 [1, ±1, 1], [1, ±2, 4] / 90, 8/45 [4, ±2, 1], [0, 0, 1]. */
@inline
function transform6(g0: v128, g1: v128, g2: v128, to: usize, stride: usize): void {
  const even = f32x4.div(add(g0, g2), splat(4.5)), odd = f32x4.div(g1, splat(4.5));
  const far = f32x4.div(madd(g2, K(C.Four), g0), splat(90)), near = f32x4.div(g1, splat(45));
  const far2 = f32x4.div(madd(g0, K(C.Four), g2), splat(5.625)), near2 = f32x4.div(g1, splat(2.8125));
  v128.store(to, g0);
  v128.store(to + stride, f32x4.neg(add(even, odd)));
  v128.store(to + 2 * stride, sub(odd, even));
  v128.store(to + 3 * stride, add(far, near));
  v128.store(to + 4 * stride, sub(far, near));
  v128.store(to + 5 * stride, add(far2, near2));
  v128.store(to + 6 * stride, sub(far2, near2));
  v128.store(to + 7 * stride, g2);
}

/** Rows of G for the outer taps of F(4, 2): [1, 0] / 2, -[1, 1] / 2, [-1, 1] / 6, [1, 2] / 6, [0, 1]; then the middle tap. */
@inline
function transformStrided(g0: v128, g1: v128, g2: v128, to: usize, stride: usize): void {
  v128.store(to, mul(g0, K(C.Half)));
  v128.store(to + stride, f32x4.neg(mul(add(g0, g2), K(C.Half))));
  v128.store(to + 2 * stride, f32x4.div(sub(g2, g0), splat(6)));
  v128.store(to + 3 * stride, f32x4.div(madd(g2, K(C.Two), g0), splat(6)));
  v128.store(to + 4 * stride, g2);
  v128.store(to + 5 * stride, g1);
}
