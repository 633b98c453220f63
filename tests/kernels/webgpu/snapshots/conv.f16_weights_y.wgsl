// conv, {"LANES_X":8,"LANES_Y":1}
enable f16;
alias X = f32;
alias WEIGHTS = f16;
alias Y = f16;

struct Params { h: u32, w: u32, inC4: u32, outH: u32, outW: u32, outC4: u32, kernel: u32, stride: u32, pad: u32, shift: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, residualShift: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<WEIGHTS>>; // [tap][in channel][out channel]
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Y>>;

override LANES_X: u32;
override LANES_Y: u32;


/** Input position of the first tap of an output pixel, in repeated pixels; it wraps around if it is before the first one. */
struct Place { image: u32, top: u32, left: u32 }
fn placeOf(pixel: u32) -> Place {
  let row = pixel / p.outW;
  return Place(row / p.outH, (row % p.outH) * p.stride - p.pad, (pixel % p.outW) * p.stride - p.pad);
}
fn next(place: Place) -> Place {
  let left = place.left + p.stride;
  let wrapsX = left + p.pad == p.outW * p.stride;
  let top = place.top + select(0u, p.stride, wrapsX);
  let wrapsY = top + p.pad == p.outH * p.stride;
  return Place(place.image + u32(wrapsY), select(top, 0u - p.pad, wrapsY), select(left, 0u - p.pad, wrapsX));
}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + (wg.y * LANES_Y + l.y) * 2u;
  let column = wg.x * LANES_X * 2u + l.x;
  if (pixel >= p.end || column >= p.outC4) { return; }
  let c0 = min(column + 0u * LANES_X, p.outC4 - 1u);
  let c1 = min(column + 1u * LANES_X, p.outC4 - 1u);
  
  let place0 = placeOf(pixel);
  let place1 = next(place0);
  
  let start0 = bias[c0];
  var s0_0 = start0;
  var s1_0 = start0;
  let start1 = bias[c1];
  var s0_1 = start1;
  var s1_1 = start1;
  
  let height = p.h << p.shift;
  let width = p.w << p.shift;
  for (var tap = 0u; tap < p.kernel * p.kernel; tap++) {
    let y0 = place0.top + tap / p.kernel;
    let x0 = place0.left + tap % p.kernel;
    let inside0 = y0 < height && x0 < width; // false for positions that wrapped around
    let at0 = ((place0.image * p.h + (y0 >> p.shift)) * p.w + (x0 >> p.shift)) * p.inC4 - p.xOrigin;
    let y1 = place1.top + tap / p.kernel;
    let x1 = place1.left + tap % p.kernel;
    let inside1 = y1 < height && x1 < width; // false for positions that wrapped around
    let at1 = ((place1.image * p.h + (y1 >> p.shift)) * p.w + (x1 >> p.shift)) * p.inC4 - p.xOrigin;
    
    for (var k = 0u; k < p.inC4; k += 1u) {
      let row = (tap * p.inC4 + k) * 4u;
      let b0_0 = vec4f(weights[(row + 0u) * p.outC4 + c0]);
      let b0_1 = vec4f(weights[(row + 0u) * p.outC4 + c1]);
      let b1_0 = vec4f(weights[(row + 1u) * p.outC4 + c0]);
      let b1_1 = vec4f(weights[(row + 1u) * p.outC4 + c1]);
      let b2_0 = vec4f(weights[(row + 2u) * p.outC4 + c0]);
      let b2_1 = vec4f(weights[(row + 2u) * p.outC4 + c1]);
      let b3_0 = vec4f(weights[(row + 3u) * p.outC4 + c0]);
      let b3_1 = vec4f(weights[(row + 3u) * p.outC4 + c1]);
      
      { let v = select(vec4f(), vec4f(x[at0 + k]), inside0);
      s0_0 += v.x * b0_0 + v.y * b1_0 + v.z * b2_0 + v.w * b3_0;
      s0_1 += v.x * b0_1 + v.y * b1_1 + v.z * b2_1 + v.w * b3_1;
       }
      { let v = select(vec4f(), vec4f(x[at1 + k]), inside1);
      s1_0 += v.x * b0_0 + v.y * b1_0 + v.z * b2_0 + v.w * b3_0;
      s1_1 += v.x * b0_1 + v.y * b1_1 + v.z * b2_1 + v.w * b3_1;
       }
      
    }
  }
  if (pixel + 0u < p.end) {
    let row = (pixel + 0u) * p.outC4 - p.yOrigin;
    if (column + 0u * LANES_X < p.outC4) { y[row + c0] = stored(s0_0); }
    if (column + 1u * LANES_X < p.outC4) { y[row + c1] = stored(s0_1); }
    
  }
  if (pixel + 1u < p.end) {
    let row = (pixel + 1u) * p.outC4 - p.yOrigin;
    if (column + 0u * LANES_X < p.outC4) { y[row + c0] = stored(s1_0); }
    if (column + 1u * LANES_X < p.outC4) { y[row + c1] = stored(s1_1); }
    
  }
  
}

@group(0) @binding(5) var<storage, read_write> overflow: atomic<u32>;
fn stored(v: vec4f) -> vec4h {
  if (any((bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x477fe000u))) { atomicStore(&overflow, 1u); }
  return vec4h(v);
}
