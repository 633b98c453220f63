// Weights for Winograd's algorithm: G g G^T, in the order [position][in/32][out/8][32][8]. Four output channels at a time.
import { Kind, SLICE } from "../../abi";
import { PackWinograd4Fields } from "../job_fields";
import { SCRATCH, scratch } from "../memory/area";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { splat } from "../simd/simd";
import { transformWeights4, transformWeights6, transformWeightsStrided } from "./transforms";

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
  const stride = <usize> (slices * octets) * RHS_BYTES;
  for (let channel = 0; channel < slices * SLICE; channel++) {
    const to = f.packed + <usize> (channel / SLICE * octets + octet) * RHS_BYTES + (<usize> (channel % SLICE) << 5);
    for (let half = 0; half < 2; half++) {
      transformColumns(f, octet * 8 + half * 4, channel, kind);
      for (let i = 0; i < side; i++) {
        const column = <usize> (i * 3);
        const row = to + <usize> (half * 16) + <usize> (i * side) * stride;
        transform(scratch(column), scratch(column + 1), scratch(column + 2), row, stride, kind);
      }
    }
  }
}

/** G g, to scratch [side][3]. */
@inline
function transformColumns(f: PackWinograd4Fields, out: i32, channel: i32, kind: Kind): void {
  for (let tap = 0; tap < 3; tap++) {
    const g0 = gather(f, out, channel, tap),
      g1 = gather(f, out, channel, tap + 3),
      g2 = gather(f, out, channel, tap + 6);
    transform(g0, g1, g2, SCRATCH + (<usize> tap << 4), 48, kind);
  }
}

/** One tap of four output channels; zero beyond the last channels. */
function gather(f: PackWinograd4Fields, out: i32, channel: i32, tap: i32): v128 {
  if (channel >= f.inChannels) return splat(0);
  const stride = <usize> (f.inChannels * 9) << 2;
  const p = f.raw + <usize> out * stride + (<usize> (channel * 9 + tap) << 2);
  let v = splat(0);
  if (out < f.outChannels) v = v128.load_lane<f32>(p, v, 0);
  if (out + 1 < f.outChannels) v = v128.load_lane<f32>(p + stride, v, 1);
  if (out + 2 < f.outChannels) v = v128.load_lane<f32>(p + 2 * stride, v, 2);
  if (out + 3 < f.outChannels) v = v128.load_lane<f32>(p + 3 * stride, v, 3);
  return v;
}

@inline
function transform(g0: v128, g1: v128, g2: v128, to: usize, stride: usize, kind: Kind): void {
  if (kind == Kind.PackWinograd4) transformWeights4(g0, g1, g2, to, stride);
  else if (kind == Kind.PackWinograd6) transformWeights6(g0, g1, g2, to, stride);
  else transformWeightsStrided(g0, g1, g2, to, stride);
}
