// Weights in the order in which the kernels read them. Blocks are octets of output channels (of codes).
import { SLICE } from "../../abi";
import { RHS_BYTES } from "./rhs_panel";

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

// @ts-ignore: decorator
@inline
function raw(f: PackFields, out: i32, channel: i32, tap: i32): f32 {
  if (out >= f.outChannels || channel >= f.inChannels) return 0;
  return load<f32>(f.raw + (<usize>((out * f.inChannels + channel) * f.taps + tap) << 2));
}

/** [taps*stored/32][out/8][32][8] */
export function packImplicitGemm(f: PackFields, octet: i32): void {
  const inner = f.taps * f.stored, slices = (inner + SLICE - 1) / SLICE, octets = (f.outChannels + 7) / 8;
  for (let k = 0; k < slices * SLICE; k++) {
    const to = f.packed + <usize>(k / SLICE * octets + octet) * RHS_BYTES + (<usize>(k % SLICE) << 5);
    const channel = k < inner ? k % f.stored : f.inChannels;
    for (let i = 0; i < 8; i++) store<f32>(to + (<usize>i << 2), raw(f, octet * 8 + i, channel, k / f.stored));
  }
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
