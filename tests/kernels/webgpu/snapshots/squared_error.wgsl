// squared error, {"LANES":8}

struct Params { c4: u32, first: u32, end: u32, origin: u32, firstSum: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> code: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;

override LANES: u32;
var<workgroup> partials: array<f32, LANES>;
fn reduceSum(value: f32, lane: u32) -> f32 {
  partials[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partials[lane] += partials[lane + half]; }
    workgroupBarrier();
  }
  let total = partials[0];
  workgroupBarrier();
  return total;
}
fn reduceMax(value: f32, lane: u32) -> f32 {
  partials[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partials[lane] = max(partials[lane], partials[lane + half]); }
    workgroupBarrier();
  }
  let greatest = partials[0];
  workgroupBarrier();
  return greatest;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * LANES + l.x;
  var sum = 0.0;
  if (pixel < p.end) {
    for (var c = 0u; c < p.c4; c++) {
      let at = pixel * p.c4 + c - p.origin;
      let d = x[at] - code[at];
      sum += dot(d, d);
    }
  }
  sum = reduceSum(sum, l.x);
  if (l.x == 0u) { sums[p.firstSum + wg.x] = sum; }
}
