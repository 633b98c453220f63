// The tiles of a feature map.
import { WinogradWeightsFields as WinogradFields } from "../job_fields";

/** Source pixels along the side of a tile: the results' and their halo. */
@inline
export function sourceSide(f: WinogradFields): i32 {
  return (f.side - 1) * f.stride + 3;
}

@inline
export function tilesAcross(f: WinogradFields): i32 {
  return (f.outWidth + f.side - 1) / f.side;
}

@inline
export function tilesDown(f: WinogradFields): i32 {
  return (f.outHeight + f.side - 1) / f.side;
}

@inline
export function tilesOf(f: WinogradFields): i32 {
  return f.images * tilesAcross(f) * tilesDown(f);
}
