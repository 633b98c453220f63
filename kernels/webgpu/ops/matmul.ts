/**
 * Batched matrix products in register tiles: C[b] = scale · A[b] · B[b], or A[b] · B[b]ᵀ.
 *
 * Rows are padded to whole `vec4f`. Past its last row, B repeats that row, so A must be zero in its padding.
 *
 * @module
 */

import { VEC4_BYTES } from "../shader/element.ts";
import { type Kernel, labelOf } from "../shader/pipeline.ts";
import { ALIGNMENT, bands, type Binding, type Memory } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import type { Tile } from "../shader/tiles.ts";
import { memoized, multiplyRow, storeRows, unroll } from "../shader/wgsl.ts";

/** A batch of matrices with padded rows. */
export interface Matrices {
  readonly memory: Memory;
  /** Number of matrices. */
  readonly count: number;
  /** Rows of each. */
  readonly rows: number;
  /** Columns of each, in `vec4f`. */
  readonly columns4: number;
  /** Offset of the first matrix in the memory, in `vec4f`. */
  readonly start?: number;
}

function matmul(transposed: boolean, tile: Tile): Kernel {
  const { rows, columns, lanesX, lanesY } = tile;
  const loadB = transposed
    ? (j: number) =>
      `${unroll(4, (q) => `let t${q}_${j} = vec4f(b[bStart + min(c${j} * 4u + ${q}u, p.lastB) * p.k4 + k]);\n    `)}
    let b0_${j} = vec4f(t0_${j}.x, t1_${j}.x, t2_${j}.x, t3_${j}.x);
    let b1_${j} = vec4f(t0_${j}.y, t1_${j}.y, t2_${j}.y, t3_${j}.y);
    let b2_${j} = vec4f(t0_${j}.z, t1_${j}.z, t2_${j}.z, t3_${j}.z);
    let b3_${j} = vec4f(t0_${j}.w, t1_${j}.w, t2_${j}.w, t3_${j}.w);
    `
    : (j: number) =>
      unroll(4, (q) => `let b${q}_${j} = vec4f(b[bStart + min(4u * k + ${q}u, p.lastB) * p.n4 + c${j}]);\n    `);
  return {
    label: labelOf("matmul", transposed && "transposed"),
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
    source: `
struct Params { m: u32, n4: u32, k4: u32, lastB: u32, cRow: u32, aStride: u32, bStride: u32, cStride: u32, aStart: u32, bStart: u32, cStart: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<A>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<B>>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<C>>;
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row0 = wg.y * LANES_Y * ${rows}u + l.y;
  let column = wg.x * LANES_X * ${columns}u + l.x;
  if (row0 >= p.m || column >= p.n4) { return; }
  let bStart = p.bStart + wg.z * p.bStride;
  let cStart = p.cStart + wg.z * p.cStride;
  ${unroll(columns, (j) => `let c${j} = min(column + ${j}u * LANES_X, p.n4 - 1u);\n  `)}
  ${unroll(rows, (i) => `let a${i} = p.aStart + wg.z * p.aStride + min(row0 + ${i}u * LANES_Y, p.m - 1u) * p.k4;\n  `)}
  ${unroll(rows, (i) => unroll(columns, (j) => `var s${i}_${j} = vec4f();\n  `))}
  for (var k = 0u; k < p.k4; k++) {
    ${unroll(columns, loadB)}
    ${
      unroll(rows, (i) =>
        `{ let v = vec4f(a[a${i} + k]);
      ${multiplyRow(i, columns, "v")} }
    `)
    }
  }
  ${
      storeRows(tile, 1, (i, index) =>
        `{ let row = row0 + ${index} * LANES_Y;
    if (row < p.m) {
      ${
          unroll(columns, (j) =>
            `if (column + ${j}u * LANES_X < p.n4) { c[cStart + row * p.cRow + c${j}] = stored(p.scale * s${i}_${j}); }\n      `)
        }
    } }
  `)
    }
}`,
  };
}

const kernelOf = memoized(matmul);

/**
 * Records C = scale · A · B, or scale · A · Bᵀ with `transposed`; a dispatch computes as many matrices as bindings hold. If
 * B has fewer columns than C, they are those of C from `firstColumn` on, in `vec4f`.
 */
export function recordMatmul(
  r: Recorder,
  a: Matrices,
  b: Matrices,
  c: Matrices,
  options: { scale?: number; transposed?: boolean; firstColumn?: number } = {},
): void {
  const { scale = 1, transposed = false, firstColumn = 0 } = options;
  const n4 = transposed ? c.columns4 : b.columns4;
  const tile = r.chooseTile(c.rows, n4, c.count);
  const kernel = kernelOf(transposed, tile);
  const largest = Math.max(...[a, b, c].map((matrices) => stride(matrices) * VEC4_BYTES[matrices.memory.element]));
  const perDispatch = Math.max(1, Math.floor((r.bindingLimit - ALIGNMENT) / largest));
  for (const [from, to] of bands(c.count, perDispatch)) {
    const [wa, wb, wc] = [a, b, c].map((matrices) => bindMatrices(matrices, from, to));
    r.dispatch(kernel, {
      params: {
        m: c.rows,
        n4,
        k4: a.columns4,
        lastB: b.rows - 1,
        cRow: c.columns4,
        aStride: stride(a),
        bStride: stride(b),
        cStride: stride(c),
        aStart: wa.start,
        bStart: wb.start,
        cStart: wc.start + firstColumn,
        scale,
      },
      buffers: { a: wa.binding, b: wb.binding, c: wc.binding },
      grid: [
        Math.ceil(n4 / (tile.columns * tile.lanesX)),
        Math.ceil(c.rows / (tile.rows * tile.lanesY)),
        to - from,
      ],
    });
  }
}

/** Distance of matrices in `vec4f`. */
function stride({ rows, columns4 }: Matrices): number {
  return rows * columns4;
}

/** A binding of the matrices `[from, to)`, and the offset of the first one in it. */
function bindMatrices(matrices: Matrices, from: number, to: number): { binding: Binding; start: number } {
  const vec4 = VEC4_BYTES[matrices.memory.element];
  const first = ((matrices.start ?? 0) + from * stride(matrices)) * vec4;
  const offset = Math.floor(first / ALIGNMENT) * ALIGNMENT;
  const size = first - offset + (to - from) * stride(matrices) * vec4;
  return { binding: { memory: matrices.memory, offset, size }, start: (first - offset) / vec4 };
}
