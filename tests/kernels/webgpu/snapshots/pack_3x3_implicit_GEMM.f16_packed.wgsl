// pack (3×3, implicit GEMM), {}
enable f16;
alias PACKED = f16;

struct Params { ins: u32, outs: u32, inRows: u32, outC4: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<PACKED>>;

fn weight(out: u32, row: u32, tap: u32) -> f32 {
  if (out >= p.outs || row >= p.ins) { return 0.0; }
  return raw[(out * p.ins + row) * 9u + tap];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row = wg.x * 64u + l.x;
  let column = wg.y;
  if (row >= p.inRows) { return; }
  let out = column * 4u;
  let g0 = vec4f(weight(out + 0u, row, 0u), weight(out + 1u, row, 0u), weight(out + 2u, row, 0u), weight(out + 3u, row, 0u));
  let g1 = vec4f(weight(out + 0u, row, 1u), weight(out + 1u, row, 1u), weight(out + 2u, row, 1u), weight(out + 3u, row, 1u));
  let g2 = vec4f(weight(out + 0u, row, 2u), weight(out + 1u, row, 2u), weight(out + 2u, row, 2u), weight(out + 3u, row, 2u));
  let g3 = vec4f(weight(out + 0u, row, 3u), weight(out + 1u, row, 3u), weight(out + 2u, row, 3u), weight(out + 3u, row, 3u));
  let g4 = vec4f(weight(out + 0u, row, 4u), weight(out + 1u, row, 4u), weight(out + 2u, row, 4u), weight(out + 3u, row, 4u));
  let g5 = vec4f(weight(out + 0u, row, 5u), weight(out + 1u, row, 5u), weight(out + 2u, row, 5u), weight(out + 3u, row, 5u));
  let g6 = vec4f(weight(out + 0u, row, 6u), weight(out + 1u, row, 6u), weight(out + 2u, row, 6u), weight(out + 3u, row, 6u));
  let g7 = vec4f(weight(out + 0u, row, 7u), weight(out + 1u, row, 7u), weight(out + 2u, row, 7u), weight(out + 3u, row, 7u));
  let g8 = vec4f(weight(out + 0u, row, 8u), weight(out + 1u, row, 8u), weight(out + 2u, row, 8u), weight(out + 3u, row, 8u));
  
  packed[(0u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g0);
  packed[(1u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g1);
  packed[(2u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g2);
  packed[(3u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g3);
  packed[(4u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g4);
  packed[(5u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g5);
  packed[(6u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g6);
  packed[(7u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g7);
  packed[(8u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g8);
  
}
