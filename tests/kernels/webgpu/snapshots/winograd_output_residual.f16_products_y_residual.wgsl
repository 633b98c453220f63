// winograd output (residual), {"LANES_X":8,"LANES_Y":1}
enable f16;
alias PRODUCTS = f16;
alias Y = f16;
alias RESIDUAL = f16;

struct Params { h: u32, w: u32, c4: u32, tilesX: u32, tilesY: u32, firstTile: u32, tiles: u32, origin: u32, residualShift: u32 }
@group(0) @binding(0) var<uniform> p: Params;
override LANES_X: u32;
override LANES_Y: u32;
struct Tile { index: u32, image: u32, y: u32, x: u32, channel: u32 }
fn tileOf(wg: vec3u, l: vec3u) -> Tile {
  let index = wg.y * LANES_Y + l.y;
  let row = (p.firstTile + index) / p.tilesX;
  return Tile(index, row / p.tilesY, (row % p.tilesY) * 4u, ((p.firstTile + index) % p.tilesX) * 4u, wg.x * LANES_X + l.x);
}
@group(0) @binding(1) var<storage, read> products: array<vec4<PRODUCTS>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<RESIDUAL>>;

fn put(tile: Tile, dy: u32, dx: u32, value: vec4f) {
  if (tile.y + dy >= p.h || tile.x + dx >= p.w) { return; }
  let at = ((tile.image * p.h + tile.y + dy) * p.w + tile.x + dx) * p.c4 + tile.channel - p.origin;
  y[at] = stored(value + vec4f(residual[at + p.residualShift]));
}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let tile = tileOf(wg, l);
  if (tile.channel >= p.c4 || tile.index >= p.tiles) { return; }
  let start = tile.index * p.c4 + tile.channel;
  let step = p.tiles * p.c4;
  var t0_0: vec4f;
  var t0_1: vec4f;
  var t0_2: vec4f;
  var t0_3: vec4f;
  var t0_4: vec4f;
  var t0_5: vec4f;
  var t1_0: vec4f;
  var t1_1: vec4f;
  var t1_2: vec4f;
  var t1_3: vec4f;
  var t1_4: vec4f;
  var t1_5: vec4f;
  var t2_0: vec4f;
  var t2_1: vec4f;
  var t2_2: vec4f;
  var t2_3: vec4f;
  var t2_4: vec4f;
  var t2_5: vec4f;
  var t3_0: vec4f;
  var t3_1: vec4f;
  var t3_2: vec4f;
  var t3_3: vec4f;
  var t3_4: vec4f;
  var t3_5: vec4f;
  
  { let m0 = vec4f(products[start + 0u * step]);
    let m1 = vec4f(products[start + 5u * step]);
    let m2 = vec4f(products[start + 10u * step]);
    let m3 = vec4f(products[start + 15u * step]);
    let m4 = vec4f(products[start + 20u * step]);
    let m5 = vec4f(products[start + 25u * step]);
    
    t0_0 = m0 + m1 + m2 + m3 + m5 ;
    t1_0 = m1 + 2.000000000 * m2 - 2.000000000 * m3 - m5 ;
    t2_0 = m1 + 4.000000000 * m2 + 4.000000000 * m3 + m5 ;
    t3_0 = m1 + 8.000000000 * m2 - 8.000000000 * m3 + m4 - m5 ;
     }
  { let m0 = vec4f(products[start + 1u * step]);
    let m1 = vec4f(products[start + 6u * step]);
    let m2 = vec4f(products[start + 11u * step]);
    let m3 = vec4f(products[start + 16u * step]);
    let m4 = vec4f(products[start + 21u * step]);
    let m5 = vec4f(products[start + 26u * step]);
    
    t0_1 = m0 + m1 + m2 + m3 + m5 ;
    t1_1 = m1 + 2.000000000 * m2 - 2.000000000 * m3 - m5 ;
    t2_1 = m1 + 4.000000000 * m2 + 4.000000000 * m3 + m5 ;
    t3_1 = m1 + 8.000000000 * m2 - 8.000000000 * m3 + m4 - m5 ;
     }
  { let m0 = vec4f(products[start + 2u * step]);
    let m1 = vec4f(products[start + 7u * step]);
    let m2 = vec4f(products[start + 12u * step]);
    let m3 = vec4f(products[start + 17u * step]);
    let m4 = vec4f(products[start + 22u * step]);
    let m5 = vec4f(products[start + 27u * step]);
    
    t0_2 = m0 + m1 + m2 + m3 + m5 ;
    t1_2 = m1 + 2.000000000 * m2 - 2.000000000 * m3 - m5 ;
    t2_2 = m1 + 4.000000000 * m2 + 4.000000000 * m3 + m5 ;
    t3_2 = m1 + 8.000000000 * m2 - 8.000000000 * m3 + m4 - m5 ;
     }
  { let m0 = vec4f(products[start + 3u * step]);
    let m1 = vec4f(products[start + 8u * step]);
    let m2 = vec4f(products[start + 13u * step]);
    let m3 = vec4f(products[start + 18u * step]);
    let m4 = vec4f(products[start + 23u * step]);
    let m5 = vec4f(products[start + 28u * step]);
    
    t0_3 = m0 + m1 + m2 + m3 + m5 ;
    t1_3 = m1 + 2.000000000 * m2 - 2.000000000 * m3 - m5 ;
    t2_3 = m1 + 4.000000000 * m2 + 4.000000000 * m3 + m5 ;
    t3_3 = m1 + 8.000000000 * m2 - 8.000000000 * m3 + m4 - m5 ;
     }
  { let m0 = vec4f(products[start + 4u * step]);
    let m1 = vec4f(products[start + 9u * step]);
    let m2 = vec4f(products[start + 14u * step]);
    let m3 = vec4f(products[start + 19u * step]);
    let m4 = vec4f(products[start + 24u * step]);
    let m5 = vec4f(products[start + 29u * step]);
    
    t0_4 = m0 + m1 + m2 + m3 + m5 ;
    t1_4 = m1 + 2.000000000 * m2 - 2.000000000 * m3 - m5 ;
    t2_4 = m1 + 4.000000000 * m2 + 4.000000000 * m3 + m5 ;
    t3_4 = m1 + 8.000000000 * m2 - 8.000000000 * m3 + m4 - m5 ;
     }
  { let m0 = vec4f(products[start + 31u * step]);
    let m1 = vec4f(products[start + 32u * step]);
    let m2 = vec4f(products[start + 33u * step]);
    let m3 = vec4f(products[start + 34u * step]);
    let m4 = vec4f(products[start + 35u * step]);
    let m5 = vec4f(products[start + 30u * step]);
    
    t0_5 = m0 + m1 + m2 + m3 + m5 ;
    t1_5 = m1 + 2.000000000 * m2 - 2.000000000 * m3 - m5 ;
    t2_5 = m1 + 4.000000000 * m2 + 4.000000000 * m3 + m5 ;
    t3_5 = m1 + 8.000000000 * m2 - 8.000000000 * m3 + m4 - m5 ;
     }
  
  let offset = bias[tile.channel];
  put(tile, 0u, 0u, offset + t0_0 + t0_1 + t0_2 + t0_3 + t0_5 );
  put(tile, 0u, 1u, offset + t0_1 + 2.000000000 * t0_2 - 2.000000000 * t0_3 - t0_5 );
  put(tile, 0u, 2u, offset + t0_1 + 4.000000000 * t0_2 + 4.000000000 * t0_3 + t0_5 );
  put(tile, 0u, 3u, offset + t0_1 + 8.000000000 * t0_2 - 8.000000000 * t0_3 + t0_4 - t0_5 );
  put(tile, 1u, 0u, offset + t1_0 + t1_1 + t1_2 + t1_3 + t1_5 );
  put(tile, 1u, 1u, offset + t1_1 + 2.000000000 * t1_2 - 2.000000000 * t1_3 - t1_5 );
  put(tile, 1u, 2u, offset + t1_1 + 4.000000000 * t1_2 + 4.000000000 * t1_3 + t1_5 );
  put(tile, 1u, 3u, offset + t1_1 + 8.000000000 * t1_2 - 8.000000000 * t1_3 + t1_4 - t1_5 );
  put(tile, 2u, 0u, offset + t2_0 + t2_1 + t2_2 + t2_3 + t2_5 );
  put(tile, 2u, 1u, offset + t2_1 + 2.000000000 * t2_2 - 2.000000000 * t2_3 - t2_5 );
  put(tile, 2u, 2u, offset + t2_1 + 4.000000000 * t2_2 + 4.000000000 * t2_3 + t2_5 );
  put(tile, 2u, 3u, offset + t2_1 + 8.000000000 * t2_2 - 8.000000000 * t2_3 + t2_4 - t2_5 );
  put(tile, 3u, 0u, offset + t3_0 + t3_1 + t3_2 + t3_3 + t3_5 );
  put(tile, 3u, 1u, offset + t3_1 + 2.000000000 * t3_2 - 2.000000000 * t3_3 - t3_5 );
  put(tile, 3u, 2u, offset + t3_1 + 4.000000000 * t3_2 + 4.000000000 * t3_3 + t3_5 );
  put(tile, 3u, 3u, offset + t3_1 + 8.000000000 * t3_2 - 8.000000000 * t3_3 + t3_4 - t3_5 );
  
}

@group(0) @binding(5) var<storage, read_write> overflow: atomic<u32>;
fn stored(v: vec4f) -> vec4h {
  if (any((bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x477fe000u))) { atomicStore(&overflow, 1u); }
  return vec4h(v);
}
