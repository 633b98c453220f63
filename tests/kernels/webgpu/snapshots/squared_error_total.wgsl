// squared error: total, {"LANES":8}

struct Params { count: u32, factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> total: array<f32>;

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
fn main(@builtin(local_invocation_id) l: vec3u) {
  var sum = 0.0;
  for (var i = l.x; i < p.count; i += LANES) { sum += sums[i]; }
  sum = reduceSum(sum, l.x);
  if (l.x == 0u) { total[0] = sum * p.factor; }
}
