// winograd input (upsampled), {"LANES_X":8,"LANES_Y":1}
alias X = f32;
alias TRANSFORMED = f32;

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
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read_write> transformed: array<vec4<TRANSFORMED>>;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let tile = tileOf(wg, l);
  if (tile.channel >= p.c4 || tile.index >= p.tiles) { return; }
  let top = i32(tile.y / 2u) - 1;
  let left = i32(tile.x / 2u) - 1;
  let y0 = top + 0;
  let insideY0 = y0 >= 0 && y0 < i32(p.h);
  let row0 = (tile.image * p.h + u32(clamp(y0, 0, i32(p.h) - 1))) * p.w;
  let y1 = top + 1;
  let insideY1 = y1 >= 0 && y1 < i32(p.h);
  let row1 = (tile.image * p.h + u32(clamp(y1, 0, i32(p.h) - 1))) * p.w;
  let y2 = top + 2;
  let insideY2 = y2 >= 0 && y2 < i32(p.h);
  let row2 = (tile.image * p.h + u32(clamp(y2, 0, i32(p.h) - 1))) * p.w;
  let y3 = top + 3;
  let insideY3 = y3 >= 0 && y3 < i32(p.h);
  let row3 = (tile.image * p.h + u32(clamp(y3, 0, i32(p.h) - 1))) * p.w;
  
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
  var t4_0: vec4f;
  var t4_1: vec4f;
  var t4_2: vec4f;
  var t4_3: vec4f;
  var t4_4: vec4f;
  var t4_5: vec4f;
  
  { let x0 = left + 0;
    let inside = x0 >= 0 && x0 < i32(p.w);
    let column = u32(clamp(x0, 0, i32(p.w) - 1));
    let d0 = select(vec4f(), 0.015625 * vec4f(x[(row0 + column) * p.c4 + tile.channel - p.origin]), inside && insideY0);
    let d1 = select(vec4f(), 0.015625 * vec4f(x[(row1 + column) * p.c4 + tile.channel - p.origin]), inside && insideY1);
    let d2 = select(vec4f(), 0.015625 * vec4f(x[(row2 + column) * p.c4 + tile.channel - p.origin]), inside && insideY2);
    let d3 = select(vec4f(), 0.015625 * vec4f(x[(row3 + column) * p.c4 + tile.channel - p.origin]), inside && insideY3);
    
    t0_0 = 4.000000000 * d0 - 5.000000000 * d1 + d2 ;
    t1_0 = - 4.000000000 * d1 - 4.000000000 * d1 + d2 + d2 ;
    t2_0 = - 2.000000000 * d1 - d1 + 2.000000000 * d2 + d2 ;
    t3_0 = 2.000000000 * d1 - d1 - 2.000000000 * d2 + d2 ;
    t4_0 = 4.000000000 * d1 - 5.000000000 * d2 + d3 ;
     }
  { let x1 = left + 1;
    let inside = x1 >= 0 && x1 < i32(p.w);
    let column = u32(clamp(x1, 0, i32(p.w) - 1));
    let d0 = select(vec4f(), 0.015625 * vec4f(x[(row0 + column) * p.c4 + tile.channel - p.origin]), inside && insideY0);
    let d1 = select(vec4f(), 0.015625 * vec4f(x[(row1 + column) * p.c4 + tile.channel - p.origin]), inside && insideY1);
    let d2 = select(vec4f(), 0.015625 * vec4f(x[(row2 + column) * p.c4 + tile.channel - p.origin]), inside && insideY2);
    let d3 = select(vec4f(), 0.015625 * vec4f(x[(row3 + column) * p.c4 + tile.channel - p.origin]), inside && insideY3);
    
    t0_1 = 4.000000000 * d0 - 5.000000000 * d1 + d2 ;
    t1_1 = - 4.000000000 * d1 - 4.000000000 * d1 + d2 + d2 ;
    t2_1 = - 2.000000000 * d1 - d1 + 2.000000000 * d2 + d2 ;
    t3_1 = 2.000000000 * d1 - d1 - 2.000000000 * d2 + d2 ;
    t4_1 = 4.000000000 * d1 - 5.000000000 * d2 + d3 ;
    t0_2 = 4.000000000 * d0 - 5.000000000 * d1 + d2 ;
    t1_2 = - 4.000000000 * d1 - 4.000000000 * d1 + d2 + d2 ;
    t2_2 = - 2.000000000 * d1 - d1 + 2.000000000 * d2 + d2 ;
    t3_2 = 2.000000000 * d1 - d1 - 2.000000000 * d2 + d2 ;
    t4_2 = 4.000000000 * d1 - 5.000000000 * d2 + d3 ;
     }
  { let x2 = left + 2;
    let inside = x2 >= 0 && x2 < i32(p.w);
    let column = u32(clamp(x2, 0, i32(p.w) - 1));
    let d0 = select(vec4f(), 0.015625 * vec4f(x[(row0 + column) * p.c4 + tile.channel - p.origin]), inside && insideY0);
    let d1 = select(vec4f(), 0.015625 * vec4f(x[(row1 + column) * p.c4 + tile.channel - p.origin]), inside && insideY1);
    let d2 = select(vec4f(), 0.015625 * vec4f(x[(row2 + column) * p.c4 + tile.channel - p.origin]), inside && insideY2);
    let d3 = select(vec4f(), 0.015625 * vec4f(x[(row3 + column) * p.c4 + tile.channel - p.origin]), inside && insideY3);
    
    t0_3 = 4.000000000 * d0 - 5.000000000 * d1 + d2 ;
    t1_3 = - 4.000000000 * d1 - 4.000000000 * d1 + d2 + d2 ;
    t2_3 = - 2.000000000 * d1 - d1 + 2.000000000 * d2 + d2 ;
    t3_3 = 2.000000000 * d1 - d1 - 2.000000000 * d2 + d2 ;
    t4_3 = 4.000000000 * d1 - 5.000000000 * d2 + d3 ;
    t0_4 = 4.000000000 * d0 - 5.000000000 * d1 + d2 ;
    t1_4 = - 4.000000000 * d1 - 4.000000000 * d1 + d2 + d2 ;
    t2_4 = - 2.000000000 * d1 - d1 + 2.000000000 * d2 + d2 ;
    t3_4 = 2.000000000 * d1 - d1 - 2.000000000 * d2 + d2 ;
    t4_4 = 4.000000000 * d1 - 5.000000000 * d2 + d3 ;
     }
  { let x3 = left + 3;
    let inside = x3 >= 0 && x3 < i32(p.w);
    let column = u32(clamp(x3, 0, i32(p.w) - 1));
    let d0 = select(vec4f(), 0.015625 * vec4f(x[(row0 + column) * p.c4 + tile.channel - p.origin]), inside && insideY0);
    let d1 = select(vec4f(), 0.015625 * vec4f(x[(row1 + column) * p.c4 + tile.channel - p.origin]), inside && insideY1);
    let d2 = select(vec4f(), 0.015625 * vec4f(x[(row2 + column) * p.c4 + tile.channel - p.origin]), inside && insideY2);
    let d3 = select(vec4f(), 0.015625 * vec4f(x[(row3 + column) * p.c4 + tile.channel - p.origin]), inside && insideY3);
    
    t0_5 = 4.000000000 * d0 - 5.000000000 * d1 + d2 ;
    t1_5 = - 4.000000000 * d1 - 4.000000000 * d1 + d2 + d2 ;
    t2_5 = - 2.000000000 * d1 - d1 + 2.000000000 * d2 + d2 ;
    t3_5 = 2.000000000 * d1 - d1 - 2.000000000 * d2 + d2 ;
    t4_5 = 4.000000000 * d1 - 5.000000000 * d2 + d3 ;
     }
  
  let to = tile.index * p.c4 + tile.channel;
  let step = p.tiles * p.c4;
  transformed[to + 0u * step] = stored(4.000000000 * t0_0 - 5.000000000 * t0_2 + t0_4 );
  transformed[to + 1u * step] = stored(- 4.000000000 * t0_1 - 4.000000000 * t0_2 + t0_3 + t0_4 );
  transformed[to + 2u * step] = stored(- 2.000000000 * t0_1 - t0_2 + 2.000000000 * t0_3 + t0_4 );
  transformed[to + 3u * step] = stored(2.000000000 * t0_1 - t0_2 - 2.000000000 * t0_3 + t0_4 );
  transformed[to + 4u * step] = stored(4.000000000 * t0_1 - 5.000000000 * t0_3 + t0_5 );
  transformed[to + 5u * step] = stored(4.000000000 * t1_0 - 5.000000000 * t1_2 + t1_4 );
  transformed[to + 6u * step] = stored(- 4.000000000 * t1_1 - 4.000000000 * t1_2 + t1_3 + t1_4 );
  transformed[to + 7u * step] = stored(- 2.000000000 * t1_1 - t1_2 + 2.000000000 * t1_3 + t1_4 );
  transformed[to + 8u * step] = stored(2.000000000 * t1_1 - t1_2 - 2.000000000 * t1_3 + t1_4 );
  transformed[to + 9u * step] = stored(4.000000000 * t1_1 - 5.000000000 * t1_3 + t1_5 );
  transformed[to + 10u * step] = stored(4.000000000 * t2_0 - 5.000000000 * t2_2 + t2_4 );
  transformed[to + 11u * step] = stored(- 4.000000000 * t2_1 - 4.000000000 * t2_2 + t2_3 + t2_4 );
  transformed[to + 12u * step] = stored(- 2.000000000 * t2_1 - t2_2 + 2.000000000 * t2_3 + t2_4 );
  transformed[to + 13u * step] = stored(2.000000000 * t2_1 - t2_2 - 2.000000000 * t2_3 + t2_4 );
  transformed[to + 14u * step] = stored(4.000000000 * t2_1 - 5.000000000 * t2_3 + t2_5 );
  transformed[to + 15u * step] = stored(4.000000000 * t3_0 - 5.000000000 * t3_2 + t3_4 );
  transformed[to + 16u * step] = stored(- 4.000000000 * t3_1 - 4.000000000 * t3_2 + t3_3 + t3_4 );
  transformed[to + 17u * step] = stored(- 2.000000000 * t3_1 - t3_2 + 2.000000000 * t3_3 + t3_4 );
  transformed[to + 18u * step] = stored(2.000000000 * t3_1 - t3_2 - 2.000000000 * t3_3 + t3_4 );
  transformed[to + 19u * step] = stored(4.000000000 * t3_1 - 5.000000000 * t3_3 + t3_5 );
  transformed[to + 20u * step] = stored(4.000000000 * t4_0 - 5.000000000 * t4_2 + t4_4 );
  transformed[to + 21u * step] = stored(- 4.000000000 * t4_1 - 4.000000000 * t4_2 + t4_3 + t4_4 );
  transformed[to + 22u * step] = stored(- 2.000000000 * t4_1 - t4_2 + 2.000000000 * t4_3 + t4_4 );
  transformed[to + 23u * step] = stored(2.000000000 * t4_1 - t4_2 - 2.000000000 * t4_3 + t4_4 );
  transformed[to + 24u * step] = stored(4.000000000 * t4_1 - 5.000000000 * t4_3 + t4_5 );
  
}
fn stored(v: vec4f) -> vec4f { return v; }
