// pack (1×1, implicit GEMM), {}
alias PACKED = f32;

struct Params { ins: u32, outs: u32, inRows: u32, outC4: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<PACKED>>;

fn weight(out: u32, row: u32, tap: u32) -> f32 {
  if (out >= p.outs || row >= p.ins) { return 0.0; }
  return raw[(out * p.ins + row) * 1u + tap];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row = wg.x * 64u + l.x;
  let column = wg.y;
  if (row >= p.inRows) { return; }
  let out = column * 4u;
  let g0 = vec4f(weight(out + 0u, row, 0u), weight(out + 1u, row, 0u), weight(out + 2u, row, 0u), weight(out + 3u, row, 0u));
  
  packed[(0u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(g0);
  
}
