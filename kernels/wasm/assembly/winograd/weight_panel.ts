// Weights for Winograd's algorithm, transformed where they are used: G g G^T of one slice of input channels and a chunk of
// octets of output channels.
//   weights  [taps*channels/32][out/8][32][8]
//   panel    [position][PANEL_OCTETS][32][8]
import { PANEL_STRIDE, SLICE } from "../../abi";
import { POINTERS } from "../memory/area";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { weightRow4, weightRow6, weightRowStrided } from "./transforms";
import { WinogradFields } from "../job_fields";

/** Transforms the weights of a slice of input channels and of `count` octets from `octet` on. */
export function transformWeights(f: WinogradFields, slice: i32, octet: i32, count: i32, panel: usize): void {
  const first = slice * SLICE;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < SLICE; k++) {
      const to = panel + <usize> i * RHS_BYTES + (<usize> k << 5);
      if (first + k < f.inChannels) transformRow(f, first + k, octet + i, to);
      else clearRow(f, to);
    }
  }
}

/** Transforms the weights of one input channel and eight output channels. */
function transformRow(f: WinogradFields, channel: i32, octet: i32, to: usize): void {
  pointToTaps(f, channel, octet);
  if (f.stride == 2) weightRowStrided(to);
  else if (f.side == 4) weightRow4(to);
  else weightRow6(to);
}

/** Beyond the last input channel. */
function clearRow(f: WinogradFields, to: usize): void {
  const end = to + <usize> (f.side == 6 ? 64 : 36) * PANEL_STRIDE;
  for (; to < end; to += PANEL_STRIDE) memory.fill(to, 0, 32);
}

/** Points to the nine taps of an input channel and eight output channels. */
function pointToTaps(f: WinogradFields, channel: i32, octet: i32): void {
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
