// spatial norm: apply (gelu), {"LANES_X":8,"LANES_Y":1}
alias X = f32;
alias Y = f32;
alias SCALE = f32;
alias SHIFT = f32;

struct Params { image: u32, c4: u32, h: u32, w: u32, shift: u32, mapH: u32, mapW: u32, mapFirst: u32, chunkPixels: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, scaleOrigin: u32, shiftOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read> table: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(4) var<storage, read> scaleMap: array<vec4<SCALE>>;
@group(0) @binding(5) var<storage, read> shiftMap: array<vec4<SHIFT>>;
override LANES_X: u32;
override LANES_Y: u32;

fn erf(x: vec4f) -> vec4f {
  let z = abs(x);
  let t = 1.0 / (1.0 + 0.5 * z);
  let fit = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
    t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let far = sign(x) * (1.0 - t * exp(fit - z * z));
  let s = x * x;
  let near = x * (1.12837917 + s * (-0.37612639 + s * (0.11283792 + s * (-0.02686617 + s * 0.00522398))));
  return select(far, near, z < vec4f(0.3));
}
fn activate(x: vec4f) -> vec4f { return 0.5 * x * (1.0 + erf(x * 0.70710678)); }

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
    let at = pixel + p.shift;
    // The image is a multiple of the maps in each direction. Dividing first avoids products of more than 32 bits.
    let mapRow = (at / p.w) / (p.h / p.mapH) - p.mapFirst;
    let source = (mapRow * p.mapW + (at % p.w) / (p.w / p.mapW)) * p.c4 + c;
    v = v * vec4f(scaleMap[source - p.scaleOrigin]) + vec4f(shiftMap[source - p.shiftOrigin]);
    y[pixel * p.c4 + c - p.yOrigin] = stored(activate(v));
  }
}
fn stored(v: vec4f) -> vec4f { return v; }
