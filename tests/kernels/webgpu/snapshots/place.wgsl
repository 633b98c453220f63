// place, {}
alias X = f32;
alias Y = f32;

struct Params { c4: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Y>>;
fn visit(pixel: u32, at: u32, c: u32) { y[at - p.yOrigin] = stored(vec4f(x[at - p.xOrigin])); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * 64u + l.x;
  if (pixel < p.end) { visit(pixel, pixel * p.c4 + wg.y, wg.y); }
}
fn stored(v: vec4f) -> vec4f { return v; }
