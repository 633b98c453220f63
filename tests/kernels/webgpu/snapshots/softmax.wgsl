// softmax, {"LANES":8}

struct Params { columns: u32, n4: u32, isFirst: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> running: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;

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
  let row = wg.x * p.n4;
  var before = vec2f(-3.0e38, 0.0);
  if (p.isFirst == 0u) { before = running[wg.x]; }
  var most = vec4f(before.x);
  for (var i = l.x; i < p.n4; i += LANES) { most = max(most, scores[row + i]); } // padding repeats the last score
  let peak = reduceMax(max(max(most.x, most.y), max(most.z, most.w)), l.x);
  var sums = vec4f();
  for (var i = l.x; i < p.n4; i += LANES) {
    let inside = 4u * i + vec4u(0u, 1u, 2u, 3u) < vec4u(p.columns);
    let e = select(vec4f(), exp(scores[row + i] - peak), inside);
    scores[row + i] = e;
    sums += e;
  }
  let older = before.y * exp(before.x - peak);
  let total = older + reduceSum(dot(sums, vec4f(1.0)), l.x);
  for (var i = l.x; i < p.n4; i += LANES) { scores[row + i] /= total; }
  if (l.x == 0u) {
    running[wg.x] = vec2f(peak, total);
    kept[wg.x] = older / total;
  }
}
