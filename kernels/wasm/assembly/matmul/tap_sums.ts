// The second half of a 3x3 convolution to few channels: adds up what implicit GEMM computed, the products of each source
// pixel and each tap.
//   products  [pixel][tap][out], padded to whole octets
import { TapSumsFields } from "../job_fields";
import { startOf } from "../memory/partition";
import { add } from "../simd/simd";

/** A range of rows of the result, whose pixels are single vectors. */
export function tapSums(f: TapSumsFields, block: i32): void {
  const end = f.firstRow + startOf(block + 1, f.blocks, f.rows);
  for (let row = f.firstRow + startOf(block, f.blocks, f.rows); row < end; row++) {
    const offset = <usize> (row * f.outWidth) << 4;
    startRow(f.y + offset, f.residual ? f.residual + offset : 0, f.outWidth, v128.load(f.bias));
    for (let tap = 0; tap < 9; tap++) {
      const y = row + tap / 3 - 1;
      if (<u32> y >= <u32> f.outHeight) continue;
      const line = ((y >> f.upsample) - f.productRow) * f.width * f.columns;
      addTap(f, f.y + offset, f.products + (<usize> (line + tap * f.outputs) << 2), tap % 3 - 1);
    }
  }
}

/** Writes the bias and the residual. */
function startRow(y: usize, residual: usize, width: i32, bias: v128): void {
  for (const end = y + (<usize> width << 4); y < end; y += 16) {
    v128.store(y, bias);
    if (!residual) continue;
    v128.store(y, add(bias, v128.load(residual)));
    residual += 16;
  }
}

/** Adds a row's products of one tap, `dx` pixels to the right, where there are any. */
function addTap(f: TapSumsFields, y: usize, products: usize, dx: i32): void {
  const exists = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(f.outputs));
  const pixelBytes = f.columns << 2, upsample = f.upsample, end = min(f.outWidth, f.outWidth - dx);
  for (let x = max(0, -dx); x < end; x++) {
    const to = y + (<usize> x << 4);
    const product = v128.load(products + <usize> ((x + dx >> upsample) * pixelBytes));
    v128.store(to, add(v128.load(to), v128.and(product, exists)));
  }
}
