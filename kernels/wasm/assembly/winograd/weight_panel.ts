// Weights for Winograd's algorithm, G g G^T, transformed where they are used, or for all blocks at once.
//   weights  [taps*channels/32][out/8][32][8]
//   panel    [position][octet][32][8]: those of one slice of input channels and a chunk of output channels
import { PANEL_OCTETS, SLICE, STAGGER } from "../../abi";
import { POINTERS } from "../memory/area";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { weightRow4, weightRow6, weightRowStrided } from "./transforms";
import { WinogradWeightsFields } from "../job_fields";

/** Bytes from the weights of one position of a panel to those of the next. */
@inline
export function weightStride(f: WinogradWeightsFields): usize {
  return <usize> f.chunk * RHS_BYTES + STAGGER;
}

/** Bytes of a panel. */
@inline
export function panelBytes(f: WinogradWeightsFields): usize {
  return <usize> (f.side == 6 ? 64 : 36) * weightStride(f);
}

/** Transforms some octets of the panel of a slice, which all blocks of tiles share. */
export function winogradWeights(f: WinogradWeightsFields, block: i32): void {
  const parts = (f.chunk + PANEL_OCTETS - 1) / PANEL_OCTETS;
  const slice = block / parts, octet = block % parts * PANEL_OCTETS;
  const to = f.panels + <usize> slice * panelBytes(f) + <usize> octet * RHS_BYTES;
  transformWeights(f, slice, octet, min(PANEL_OCTETS, f.chunk - octet), to);
}

/** Transforms the weights of a slice and of `count` octets from `octet` on. */
export function transformWeights(f: WinogradWeightsFields, slice: i32, octet: i32, count: i32, to: usize): void {
  const first = slice * SLICE, stride = weightStride(f);
  for (let k = 0; k < SLICE; k++, to += 32) {
    if (first + k >= f.inChannels) {
      clear(f, count, to);
      continue;
    }
    pointToTaps(f, first + k, octet);
    if (f.stride == 2) weightRowStrided(to, stride, count);
    else if (f.side == 4) weightRow4(to, stride, count);
    else weightRow6(to, stride, count);
  }
}

/** Clears one row of a panel, which is beyond the last input channel. */
function clear(f: WinogradWeightsFields, octets: i32, to: usize): void {
  const end = to + panelBytes(f);
  for (; to < end; to += weightStride(f)) {
    for (let i = 0; i < octets; i++) memory.fill(to + <usize> i * RHS_BYTES, 0, 32);
  }
}

/** Points to the nine taps of an input channel and eight output channels. */
function pointToTaps(f: WinogradWeightsFields, channel: i32, octet: i32): void {
  const octets = (f.outChannels + 7) / 8;
  const first = i32x4.splat(<i32> (f.weights + <usize> octet * RHS_BYTES));
  const sliceBytes = i32x4.splat(octets * <i32> RHS_BYTES), channels = i32x4.splat(f.inChannels);
  for (let tap = 0; tap < 12; tap += 4) {
    const taps = i32x4.add(i32x4.splat(tap), i32x4(0, 1, 2, 3));
    const k = i32x4.add(i32x4.mul(taps, channels), i32x4.splat(channel));
    const inSlice = i32x4.shl(v128.and(k, i32x4.splat(SLICE - 1)), 5);
    const slices = i32x4.mul(i32x4.shr_u(k, 5), sliceBytes);
    v128.store(POINTERS + (<usize> tap << 2), i32x4.add(first, i32x4.add(slices, inSlice)));
  }
}
