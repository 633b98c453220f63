// Reads the taps of weights, [taps*channels/32][out/8][32][8].
import { SLICE } from "../../abi";
import { POINTERS, SCRATCH } from "../memory/area";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { WinogradWeightsFields as WinogradFields } from "../job_fields";

/** Copies the nine taps of an input channel and an octet of output channels to scratch. Call it channel after channel. */
export function copyTaps(f: WinogradFields, channel: i32, octet: i32): void {
  const row = f.inChannels % SLICE == 0 ? channel % SLICE : 0;
  if (row == 0) pointToTaps(f, channel, octet);
  for (let tap: usize = 0; tap < 9; tap++) {
    const from = <usize> load<u32>(POINTERS + (tap << 2)) + (<usize> row << 5);
    v128.store(SCRATCH + (tap << 5), v128.load(from));
    v128.store(SCRATCH + (tap << 5), v128.load(from, 16), 16);
  }
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
