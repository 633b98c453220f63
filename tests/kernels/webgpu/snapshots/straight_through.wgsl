// straight through, {}

struct Params { c4: u32, first: u32, end: u32, origin: u32, zero: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> code: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
// Compilers would simplify x + (code - x) to code, which loses NaN; the xor prevents that.
fn visit(pixel: u32, at: u32, c: u32) { let v = x[at - p.origin]; let difference = bitcast<vec4u>(code[at - p.origin] - v) ^ vec4u(p.zero); y[at - p.origin] = v + bitcast<vec4f>(difference); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * 64u + l.x;
  if (pixel < p.end) { visit(pixel, pixel * p.c4 + wg.y, wg.y); }
}
