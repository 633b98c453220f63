// nearest code, {}

struct Params { c4: u32, codes: u32, codesPerPart: u32, pixels: u32, first: u32, end: u32, xOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> codebook: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> distances: array<f32>; // [part][pixel]
@group(0) @binding(4) var<storage, read_write> candidates: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + (wg.x * 8u + l.x) * 4u;
  if (pixel >= p.end) { return; }
  let start = wg.y * p.codesPerPart;
  let to = min(start + p.codesPerPart, p.codes);
  let x0 = min(pixel + 0u, p.end - 1u) * p.c4 - p.xOrigin;
  var best0 = bitcast<f32>(0x7f7fffffu);
  var code0 = start;
  let x1 = min(pixel + 1u, p.end - 1u) * p.c4 - p.xOrigin;
  var best1 = bitcast<f32>(0x7f7fffffu);
  var code1 = start;
  let x2 = min(pixel + 2u, p.end - 1u) * p.c4 - p.xOrigin;
  var best2 = bitcast<f32>(0x7f7fffffu);
  var code2 = start;
  let x3 = min(pixel + 3u, p.end - 1u) * p.c4 - p.xOrigin;
  var best3 = bitcast<f32>(0x7f7fffffu);
  var code3 = start;
  
  for (var code = start; code < to; code += 4u) {
    let row0 = min(code + 0u, to - 1u) * p.c4;
    let row1 = min(code + 1u, to - 1u) * p.c4;
    let row2 = min(code + 2u, to - 1u) * p.c4;
    let row3 = min(code + 3u, to - 1u) * p.c4;
    
    var d0_0 = 0.0;
    var d0_1 = 0.0;
    var d0_2 = 0.0;
    var d0_3 = 0.0;
    var d1_0 = 0.0;
    var d1_1 = 0.0;
    var d1_2 = 0.0;
    var d1_3 = 0.0;
    var d2_0 = 0.0;
    var d2_1 = 0.0;
    var d2_2 = 0.0;
    var d2_3 = 0.0;
    var d3_0 = 0.0;
    var d3_1 = 0.0;
    var d3_2 = 0.0;
    var d3_3 = 0.0;
    
    for (var k = 0u; k < p.c4; k++) {
      let e0 = codebook[row0 + k];
      let e1 = codebook[row1 + k];
      let e2 = codebook[row2 + k];
      let e3 = codebook[row3 + k];
      
      { let v = x[x0 + k];
      { let d = v - e0; d0_0 += dot(d, d); }
      { let d = v - e1; d0_1 += dot(d, d); }
      { let d = v - e2; d0_2 += dot(d, d); }
      { let d = v - e3; d0_3 += dot(d, d); }
       }
      { let v = x[x1 + k];
      { let d = v - e0; d1_0 += dot(d, d); }
      { let d = v - e1; d1_1 += dot(d, d); }
      { let d = v - e2; d1_2 += dot(d, d); }
      { let d = v - e3; d1_3 += dot(d, d); }
       }
      { let v = x[x2 + k];
      { let d = v - e0; d2_0 += dot(d, d); }
      { let d = v - e1; d2_1 += dot(d, d); }
      { let d = v - e2; d2_2 += dot(d, d); }
      { let d = v - e3; d2_3 += dot(d, d); }
       }
      { let v = x[x3 + k];
      { let d = v - e0; d3_0 += dot(d, d); }
      { let d = v - e1; d3_1 += dot(d, d); }
      { let d = v - e2; d3_2 += dot(d, d); }
      { let d = v - e3; d3_3 += dot(d, d); }
       }
      
    }
    if (d0_0 < best0) { best0 = d0_0; code0 = min(code + 0u, to - 1u); }
    if (d0_1 < best0) { best0 = d0_1; code0 = min(code + 1u, to - 1u); }
    if (d0_2 < best0) { best0 = d0_2; code0 = min(code + 2u, to - 1u); }
    if (d0_3 < best0) { best0 = d0_3; code0 = min(code + 3u, to - 1u); }
    if (d1_0 < best1) { best1 = d1_0; code1 = min(code + 0u, to - 1u); }
    if (d1_1 < best1) { best1 = d1_1; code1 = min(code + 1u, to - 1u); }
    if (d1_2 < best1) { best1 = d1_2; code1 = min(code + 2u, to - 1u); }
    if (d1_3 < best1) { best1 = d1_3; code1 = min(code + 3u, to - 1u); }
    if (d2_0 < best2) { best2 = d2_0; code2 = min(code + 0u, to - 1u); }
    if (d2_1 < best2) { best2 = d2_1; code2 = min(code + 1u, to - 1u); }
    if (d2_2 < best2) { best2 = d2_2; code2 = min(code + 2u, to - 1u); }
    if (d2_3 < best2) { best2 = d2_3; code2 = min(code + 3u, to - 1u); }
    if (d3_0 < best3) { best3 = d3_0; code3 = min(code + 0u, to - 1u); }
    if (d3_1 < best3) { best3 = d3_1; code3 = min(code + 1u, to - 1u); }
    if (d3_2 < best3) { best3 = d3_2; code3 = min(code + 2u, to - 1u); }
    if (d3_3 < best3) { best3 = d3_3; code3 = min(code + 3u, to - 1u); }
    
  }
  let target0 = wg.y * p.pixels + pixel;
  if (pixel + 0u < p.end) {
    distances[target0 + 0u] = best0;
    candidates[target0 + 0u] = code0;
  }
  if (pixel + 1u < p.end) {
    distances[target0 + 1u] = best1;
    candidates[target0 + 1u] = code1;
  }
  if (pixel + 2u < p.end) {
    distances[target0 + 2u] = best2;
    candidates[target0 + 2u] = code2;
  }
  if (pixel + 3u < p.end) {
    distances[target0 + 3u] = best3;
    candidates[target0 + 3u] = code3;
  }
  
}
