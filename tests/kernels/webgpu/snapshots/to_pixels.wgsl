// to pixels, {}

struct Params { count: u32, redOrigin: u32, greenOrigin: u32, blueOrigin: u32, yOrigin: u32, factor: f32, offset: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> red: array<f32>;
@group(0) @binding(2) var<storage, read> green: array<f32>;
@group(0) @binding(3) var<storage, read> blue: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

fn byte(value: f32) -> u32 {
  if ((bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u) { return 0u; } // NaN; compilers may assume that there is none
  return u32(round(clamp(value * p.factor + p.offset, 0.0, 1.0) * 255.0));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let i = wg.x * 64u + l.x;
  if (i >= p.count) { return; }
  let rgb = vec3u(byte(red[i + p.redOrigin]), byte(green[i + p.greenOrigin]), byte(blue[i + p.blueOrigin]));
  y[i + p.yOrigin] = rgb.x | (rgb.y << 8u) | (rgb.z << 16u) | 0xff000000u;
}
