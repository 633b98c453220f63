// from pixels, {}

struct Params { channels: u32, c4: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, factor: f32, offset: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn number(byte: u32) -> f32 {
  if (byte == 0u) { return p.offset; }
  let repeated = byte * 0x01010101u;
  let surplus = 8u - countLeadingZeros(repeated);
  let rounded = (repeated >> surplus) + ((repeated >> (surplus - 1u)) & 1u);
  return ldexp(f32(rounded), i32(surplus) - 32) * p.factor + p.offset;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * 64u + l.x;
  if (pixel >= p.end) { return; }
  let word = x[pixel - p.xOrigin];
  var v = vec4f(number(word & 255u), 0.0, 0.0, 0.0);
  if (p.channels == 3u) { v = vec4f(v.x, number((word >> 8u) & 255u), number((word >> 16u) & 255u), 0.0); }
  y[pixel * p.c4 - p.yOrigin] = v;
}
