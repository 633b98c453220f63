// matmul, {"LANES_X":8,"LANES_Y":1}
enable f16;
alias A = f32;
alias B = f16;
alias C = f32;

struct Params { m: u32, n4: u32, k4: u32, lastB: u32, aStride: u32, bStride: u32, cStride: u32, aStart: u32, bStart: u32, cStart: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<A>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<B>>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<C>>;
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row0 = wg.y * LANES_Y * 2u + l.y;
  let column = wg.x * LANES_X * 2u + l.x;
  if (row0 >= p.m || column >= p.n4) { return; }
  let bStart = p.bStart + wg.z * p.bStride;
  let cStart = p.cStart + wg.z * p.cStride;
  let c0 = min(column + 0u * LANES_X, p.n4 - 1u);
  let c1 = min(column + 1u * LANES_X, p.n4 - 1u);
  
  let a0 = p.aStart + wg.z * p.aStride + min(row0 + 0u * LANES_Y, p.m - 1u) * p.k4;
  let a1 = p.aStart + wg.z * p.aStride + min(row0 + 1u * LANES_Y, p.m - 1u) * p.k4;
  
  var s0_0 = vec4f();
  var s0_1 = vec4f();
  var s1_0 = vec4f();
  var s1_1 = vec4f();
  
  for (var k = 0u; k < p.k4; k++) {
    let b0_0 = vec4f(b[bStart + min(4u * k + 0u, p.lastB) * p.n4 + c0]);
    let b1_0 = vec4f(b[bStart + min(4u * k + 1u, p.lastB) * p.n4 + c0]);
    let b2_0 = vec4f(b[bStart + min(4u * k + 2u, p.lastB) * p.n4 + c0]);
    let b3_0 = vec4f(b[bStart + min(4u * k + 3u, p.lastB) * p.n4 + c0]);
    let b0_1 = vec4f(b[bStart + min(4u * k + 0u, p.lastB) * p.n4 + c1]);
    let b1_1 = vec4f(b[bStart + min(4u * k + 1u, p.lastB) * p.n4 + c1]);
    let b2_1 = vec4f(b[bStart + min(4u * k + 2u, p.lastB) * p.n4 + c1]);
    let b3_1 = vec4f(b[bStart + min(4u * k + 3u, p.lastB) * p.n4 + c1]);
    
    { let v = vec4f(a[a0 + k]);
      s0_0 += v.x * b0_0 + v.y * b1_0 + v.z * b2_0 + v.w * b3_0;
      s0_1 += v.x * b0_1 + v.y * b1_1 + v.z * b2_1 + v.w * b3_1;
       }
    { let v = vec4f(a[a1 + k]);
      s1_0 += v.x * b0_0 + v.y * b1_0 + v.z * b2_0 + v.w * b3_0;
      s1_1 += v.x * b0_1 + v.y * b1_1 + v.z * b2_1 + v.w * b3_1;
       }
    
  }
  { let row = row0 + 0u * LANES_Y;
    if (row < p.m) {
      if (column + 0u * LANES_X < p.n4) { c[cStart + row * p.n4 + c0] = stored(p.scale * s0_0); }
      if (column + 1u * LANES_X < p.n4) { c[cStart + row * p.n4 + c1] = stored(p.scale * s0_1); }
      
    } }
  { let row = row0 + 1u * LANES_Y;
    if (row < p.m) {
      if (column + 0u * LANES_X < p.n4) { c[cStart + row * p.n4 + c0] = stored(p.scale * s1_0); }
      if (column + 1u * LANES_X < p.n4) { c[cStart + row * p.n4 + c1] = stored(p.scale * s1_1); }
      
    } }
  
}
fn stored(v: vec4f) -> vec4f { return v; }
