// Packs weights in the order in which the kernels read them. Blocks are octets of output channels or codes.
import { SLICE } from "../../abi";
import { PackCodebookFields, PackConvFields } from "../job_fields";
import { RHS_BYTES } from "./rhs_panel";

@inline
function raw(f: PackConvFields, out: i32, channel: i32, tap: i32): f32 {
  if (out >= f.outChannels || channel >= f.inChannels) return 0;
  return load<f32>(f.raw + (<usize> ((out * f.inChannels + channel) * f.taps + tap) << 2));
}

/** [taps*stored/32][out/8][32][8] */
export function packConv(f: PackConvFields, octet: i32): void {
  const inner = f.taps * f.stored, slices = (inner + SLICE - 1) / SLICE, octets = (f.outChannels + 7) / 8;
  for (let k = 0; k < slices * SLICE; k++) {
    const to = f.packed + <usize> (k / SLICE * octets + octet) * RHS_BYTES + (<usize> (k % SLICE) << 5);
    const channel = k < inner ? k % f.stored : f.inChannels;
    for (let i = 0; i < 8; i++) store<f32>(to + (<usize> i << 2), raw(f, octet * 8 + i, channel, k / f.stored));
  }
}

/** [codes/8][channels][8], padded with NaN, which is near nothing. */
export function packCodebook(f: PackCodebookFields, octet: i32): void {
  for (let i = 0; i < 8; i++) {
    const code = octet * 8 + i;
    const raw = f.raw + (<usize> (code * f.channels) << 2);
    for (let c = 0; c < f.channels; c++) {
      const to = f.packed + <usize> (((octet * f.channels + c) * 8 + i) << 2);
      store<f32>(to, code < f.codes ? load<f32>(raw + (<usize> c << 2)) : f32.NaN);
    }
  }
}
