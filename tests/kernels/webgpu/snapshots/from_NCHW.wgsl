// from NCHW, {}

struct Params { area: u32, channels: u32, c4: u32, channel: u32, endChannel: u32, first: u32, end: u32, arrayOrigin: u32, mapOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> nchw: array<f32>;
@group(0) @binding(2) var<storage, read_write> map: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * 64u + l.x;
  if (pixel >= p.end) { return; }
  let vector = p.channel / 4u + wg.y;
  let at = pixel * p.c4 + vector - p.mapOrigin;
  let plane = (pixel / p.area) * p.channels + 4u * vector;
  let start = plane * p.area + pixel % p.area - p.arrayOrigin;
  { let channel = 4u * vector + 0u; if (channel >= p.channel && channel < p.endChannel) { map[at][0] = nchw[start + 0u * p.area]; }
  else if (channel >= p.channels) { map[at][0] = 0.0; } }
  { let channel = 4u * vector + 1u; if (channel >= p.channel && channel < p.endChannel) { map[at][1] = nchw[start + 1u * p.area]; }
  else if (channel >= p.channels) { map[at][1] = 0.0; } }
  { let channel = 4u * vector + 2u; if (channel >= p.channel && channel < p.endChannel) { map[at][2] = nchw[start + 2u * p.area]; }
  else if (channel >= p.channels) { map[at][2] = 0.0; } }
  { let channel = 4u * vector + 3u; if (channel >= p.channel && channel < p.endChannel) { map[at][3] = nchw[start + 3u * p.area]; }
  else if (channel >= p.channels) { map[at][3] = 0.0; } }
  
}
