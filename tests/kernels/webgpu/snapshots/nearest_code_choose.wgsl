// nearest code: choose, {}

struct Params { parts: u32, pixels: u32, rowLength: u32, none: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read> candidates: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.y * p.rowLength + id.x;
  if (id.x >= p.rowLength || pixel >= p.pixels) { return; }
  var best = distances[pixel];
  var code = candidates[pixel];
  for (var part = 1u; part < p.parts; part++) {
    let at = part * p.pixels + pixel;
    if (distances[at] < best) { best = distances[at]; code = candidates[at]; }
  }
  indices[pixel] = select(p.none, code, best < bitcast<f32>(0x7f7fffffu));
}
