// group norm: sums, {"LANES_X":8,"LANES_Y":1}
alias X = f32;

const SCALE = 2.3283064365386963e-10; // 2^-32
struct Params { c4: u32, area: u32, chunkPixels: u32, chunks: u32, first: u32, end: u32, firstSum: u32, xOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>; // [image and chunk][channel][about, sum, sum of squares]
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let c = wg.x * LANES_X + l.x;
  let s = p.first + wg.y * LANES_Y + l.y;
  if (c >= p.c4 || s >= p.end) { return; }
  let image = s / p.chunks;
  let start = (s % p.chunks) * p.chunkPixels;
  let count = min(p.chunkPixels, p.area - start);
  var at = (image * p.area + start) * p.c4 + c - p.xOrigin;
  let about = vec4f(x[at]);
  var sum = vec4f();
  var squares = vec4f();
  for (var i = 0u; i < count; i++) {
    let v = (vec4f(x[at]) - about) * SCALE;
    sum += v;
    squares += v * v;
    at += p.c4;
  }
  let to = ((p.firstSum + s) * p.c4 + c) * 3u;
  sums[to] = about;
  sums[to + 1u] = sum;
  sums[to + 2u] = squares;
}
