// lookup, {}

struct Params { c4: u32, first: u32, end: u32, origin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> codebook: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
fn visit(pixel: u32, at: u32, c: u32) { y[at - p.origin] = codebook[indices[pixel] * p.c4 + c]; }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * 64u + l.x;
  if (pixel < p.end) { visit(pixel, pixel * p.c4 + wg.y, wg.y); }
}
