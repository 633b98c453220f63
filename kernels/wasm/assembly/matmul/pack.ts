// Packs weights in the order in which the kernels read them. Blocks are octets of output channels or codes, or some of them.
import { PAGE_OCTETS, SLICE } from "../../abi";
import { PackCodebookFields, PackConvFields, PackTapsFields } from "../job_fields";
import { splat } from "../simd/simd";
import { RHS_BYTES } from "./rhs_panel";

/** Some octets of output channels: [out][in][taps] → [taps*stored/32][out/8][32][8], padded with zeros. */
export function packConv(f: PackConvFields, block: i32): void {
  const first = block * PAGE_OCTETS, end = min(first + PAGE_OCTETS, f.octets);
  for (let octet = first; octet < end; octet++) packOctet(f, octet);
}

/** Octet number `index` of those in `raw`. */
function packOctet(f: PackConvFields, index: i32): void {
  const row = <usize> (f.inChannels * f.taps) << 2, octet = f.firstOctet + index, rows = f.outChannels - 8 * octet;
  let raw = f.raw + <usize> index * 8 * row;
  for (let channel = 0; channel < f.inChannels; channel++) {
    for (let k = channel; k < f.taps * f.stored; k += f.stored, raw += 4) {
      const to = placeOf(f, k, octet);
      if (rows >= 8) {
        v128.store(to, gather(raw, row));
        v128.store(to, gather(raw + 4 * row, row), 16);
      } else {
        storeZeros(to);
        for (let i = 0; i < rows; i++) store<f32>(to + (<usize> i << 2), load<f32>(raw + <usize> i * row));
      }
    }
  }
  for (let channel = f.inChannels; channel < f.stored; channel++) {
    for (let k = channel; k < f.taps * f.stored; k += f.stored) storeZeros(placeOf(f, k, octet));
  }
  for (let k = f.taps * f.stored; k % SLICE != 0; k++) storeZeros(placeOf(f, k, octet));
}

/** Where the eight output channels of an octet are for one input channel of one tap. */
@inline
function placeOf(f: PackConvFields, k: i32, octet: i32): usize {
  const octets = (f.outChannels + 7) / 8;
  return f.packed + <usize> (k / SLICE * octets + octet) * RHS_BYTES + (<usize> (k % SLICE) << 5);
}

/** One element of each of four rows. */
@inline
function gather(p: usize, row: usize): v128 {
  let v = v128.load32_zero(p);
  v = v128.load_lane<f32>(p + row, v, 1);
  v = v128.load_lane<f32>(p + 2 * row, v, 2);
  return v128.load_lane<f32>(p + 3 * row, v, 3);
}

@inline
function storeZeros(to: usize): void {
  v128.store(to, splat(0));
  v128.store(to, splat(0), 16);
}

/** One octet of columns, the output channels of each tap: [out][in][9] → [in/32][9*out/8][32][8], padded with zeros. */
export function packTaps(f: PackTapsFields, octet: i32): void {
  const end = (f.inChannels + SLICE - 1) / SLICE * SLICE;
  for (let channel = 0; channel < end; channel++) {
    const to = f.packed + <usize> (channel / SLICE * f.octets + octet) * RHS_BYTES + (<usize> (channel % SLICE) << 5);
    storeZeros(to);
    if (channel >= f.inChannels) continue;
    for (let i = 0; i < 8; i++) {
      const tap = (8 * octet + i) / f.outChannels, out = (8 * octet + i) % f.outChannels;
      if (tap >= 9) break;
      const from = f.raw + (<usize> ((out * f.inChannels + channel) * 9 + tap) << 2);
      store<f32>(to + (<usize> i << 2), load<f32>(from));
    }
  }
}

/** One octet of codes: [codes/8][channels][8], padded with NaN, which is near nothing. */
export function packCodebook(f: PackCodebookFields, block: i32): void {
  const row = <usize> f.channels << 2, octet = f.firstOctet + block, codes = f.codes - 8 * octet;
  let from = f.raw + <usize> block * 8 * row, to = f.packed + <usize> octet * 8 * row;
  for (let c = 0; c < f.channels; c++, from += 4, to += 32) {
    for (let i = 0; i < 8; i++) {
      store<f32>(to + (<usize> i << 2), i < codes ? load<f32>(from + <usize> i * row) : f32.NaN);
    }
  }
}
