// Weights for Winograd's algorithm, G g G^T, transformed where they are used, or for all blocks at once.
//   weights  [taps*channels/32][out/8][32][8]
//   panel    [position][octet][32][8]: those of one slice of input channels and all output channels of a large map
//            [octet][position][32][8]: of a chunk of output channels of a small map
import { PANEL_OCTETS, SLICE, STAGGER } from "../../abi";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { LINE } from "../memory/cache_lines";
import { weights4, weights6, weightsStrided } from "./transforms";
import { WinogradWeightsFields as WinogradFields } from "../job_fields";

/** Weights that a panel has along the side of a tile, squared: at stride 2, some positions share theirs. */
@inline
function weightPositions(f: WinogradFields): usize {
  return f.side == 6 ? 64 : 36;
}

/** Bytes from the weights of one position of a panel of a large map to those of the next. */
@inline
export function positionStrideLarge(f: WinogradFields): usize {
  return <usize> f.chunk * RHS_BYTES + STAGGER;
}

/** The same of a small map. An octet lies on few pages, because its transform writes to all positions in turn. */
export const POSITION_STRIDE_SMALL: usize = RHS_BYTES + LINE;

/** Bytes from one octet of a panel of a small map to the next. */
@inline
export function octetStrideSmall(f: WinogradFields): usize {
  return weightPositions(f) * POSITION_STRIDE_SMALL;
}

/** Bytes of a panel of a large map. */
@inline
export function panelBytesLarge(f: WinogradFields): usize {
  return weightPositions(f) * positionStrideLarge(f);
}

/** Transforms some octets of the panel of a slice of a large map, which all blocks of tiles share. */
export function winogradWeights(f: WinogradFields, block: i32): void {
  const parts = (f.chunk + PANEL_OCTETS - 1) / PANEL_OCTETS;
  const slice = block / parts, octet = block % parts * PANEL_OCTETS, end = min(octet + PANEL_OCTETS, f.chunk);
  let to = f.panels + <usize> slice * panelBytesLarge(f) + <usize> octet * RHS_BYTES;
  for (let o = octet; o < end; o++, to += RHS_BYTES) transformWeights(f, slice, o, to, positionStrideLarge(f));
}

/** Transforms the weights of a slice and an octet. */
export function transformWeights(f: WinogradFields, slice: i32, octet: i32, to: usize, stride: usize): void {
  const first = slice * SLICE, end = min(first + SLICE, f.inChannels);
  if (f.stride == 2) weightsStrided(f, first, end, octet, to, stride);
  else if (f.side == 4) weights4(f, first, end, octet, to, stride);
  else weights6(f, first, end, octet, to, stride);
  const missing = <usize> (first + SLICE - end) * 32;
  if (!missing) return;
  to += RHS_BYTES - missing;
  for (const last = to + weightPositions(f) * stride; to < last; to += stride) memory.fill(to, 0, missing);
}
