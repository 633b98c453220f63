// group norm: apply (mish), {"LANES_X":8,"LANES_Y":1}
enable f16;
alias X = f16;
alias Y = f16;

struct Params { image: u32, c4: u32, h: u32, w: u32, shift: u32, mapH: u32, mapW: u32, mapFirst: u32, chunkPixels: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, scaleOrigin: u32, shiftOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read> table: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Y>>;

override LANES_X: u32;
override LANES_Y: u32;

fn activate(x: vec4f) -> vec4f { let e = exp(min(x, vec4f(20.0)));
  let m = e * (e + 2.0);
  return x * (m / (m + 2.0)); }

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let c = wg.x * LANES_X + l.x;
  let start = p.first + (wg.y * LANES_Y + l.y) * p.chunkPixels;
  if (c >= p.c4) { return; }
  let row = p.image * 3u * p.c4 + c;
  let center = table[row];
  let scale = table[row + p.c4];
  let shift = table[row + 2u * p.c4];
  let end = min(start + p.chunkPixels, p.end);
  for (var pixel = start; pixel < end; pixel++) {
    var v = (vec4f(x[pixel * p.c4 + c - p.xOrigin]) - center) * scale + shift;
    
    y[pixel * p.c4 + c - p.yOrigin] = stored(activate(v));
  }
}

@group(0) @binding(4) var<storage, read_write> overflow: atomic<u32>;
fn stored(v: vec4f) -> vec4h {
  if (any((bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x477fe000u))) { atomicStore(&overflow, 1u); }
  return vec4h(v);
}
