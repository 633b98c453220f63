// pack (3×3, winograd), {}
alias PACKED = f32;

struct Params { ins: u32, outs: u32, inRows: u32, outC4: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<PACKED>>;

fn weight(out: u32, row: u32, tap: u32) -> f32 {
  if (out >= p.outs || row >= p.ins) { return 0.0; }
  return raw[(out * p.ins + row) * 9u + tap];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row = wg.x * 64u + l.x;
  let column = wg.y;
  if (row >= p.inRows) { return; }
  let out = column * 4u;
  let g0 = vec4f(weight(out + 0u, row, 0u), weight(out + 1u, row, 0u), weight(out + 2u, row, 0u), weight(out + 3u, row, 0u));
  let g1 = vec4f(weight(out + 0u, row, 1u), weight(out + 1u, row, 1u), weight(out + 2u, row, 1u), weight(out + 3u, row, 1u));
  let g2 = vec4f(weight(out + 0u, row, 2u), weight(out + 1u, row, 2u), weight(out + 2u, row, 2u), weight(out + 3u, row, 2u));
  let g3 = vec4f(weight(out + 0u, row, 3u), weight(out + 1u, row, 3u), weight(out + 2u, row, 3u), weight(out + 3u, row, 3u));
  let g4 = vec4f(weight(out + 0u, row, 4u), weight(out + 1u, row, 4u), weight(out + 2u, row, 4u), weight(out + 3u, row, 4u));
  let g5 = vec4f(weight(out + 0u, row, 5u), weight(out + 1u, row, 5u), weight(out + 2u, row, 5u), weight(out + 3u, row, 5u));
  let g6 = vec4f(weight(out + 0u, row, 6u), weight(out + 1u, row, 6u), weight(out + 2u, row, 6u), weight(out + 3u, row, 6u));
  let g7 = vec4f(weight(out + 0u, row, 7u), weight(out + 1u, row, 7u), weight(out + 2u, row, 7u), weight(out + 3u, row, 7u));
  let g8 = vec4f(weight(out + 0u, row, 8u), weight(out + 1u, row, 8u), weight(out + 2u, row, 8u), weight(out + 3u, row, 8u));
  
  let t0_0 = 2.000000000 * g0 ;
  let t0_1 = 2.000000000 * g1 ;
  let t0_2 = 2.000000000 * g2 ;
  let t1_0 = - 1.333333333 * g0 - 1.333333333 * g3 - 1.333333333 * g6 ;
  let t1_1 = - 1.333333333 * g1 - 1.333333333 * g4 - 1.333333333 * g7 ;
  let t1_2 = - 1.333333333 * g2 - 1.333333333 * g5 - 1.333333333 * g8 ;
  let t2_0 = 0.3333333333 * g0 + 0.6666666667 * g3 + 1.333333333 * g6 ;
  let t2_1 = 0.3333333333 * g1 + 0.6666666667 * g4 + 1.333333333 * g7 ;
  let t2_2 = 0.3333333333 * g2 + 0.6666666667 * g5 + 1.333333333 * g8 ;
  let t3_0 = 0.3333333333 * g0 - 0.6666666667 * g3 + 1.333333333 * g6 ;
  let t3_1 = 0.3333333333 * g1 - 0.6666666667 * g4 + 1.333333333 * g7 ;
  let t3_2 = 0.3333333333 * g2 - 0.6666666667 * g5 + 1.333333333 * g8 ;
  let t4_0 = 8.000000000 * g6 ;
  let t4_1 = 8.000000000 * g7 ;
  let t4_2 = 8.000000000 * g8 ;
  let t5_0 = - 1.333333333 * g0 + 1.333333333 * g3 - 1.333333333 * g6 ;
  let t5_1 = - 1.333333333 * g1 + 1.333333333 * g4 - 1.333333333 * g7 ;
  let t5_2 = - 1.333333333 * g2 + 1.333333333 * g5 - 1.333333333 * g8 ;
  packed[(0u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(2.000000000 * t0_0 );
  packed[(1u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t0_0 - 1.333333333 * t0_1 - 1.333333333 * t0_2 );
  packed[(2u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t0_0 + 0.6666666667 * t0_1 + 1.333333333 * t0_2 );
  packed[(3u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t0_0 - 0.6666666667 * t0_1 + 1.333333333 * t0_2 );
  packed[(4u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(8.000000000 * t0_2 );
  packed[(31u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t0_0 + 1.333333333 * t0_1 - 1.333333333 * t0_2 );
  packed[(5u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(2.000000000 * t1_0 );
  packed[(6u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t1_0 - 1.333333333 * t1_1 - 1.333333333 * t1_2 );
  packed[(7u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t1_0 + 0.6666666667 * t1_1 + 1.333333333 * t1_2 );
  packed[(8u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t1_0 - 0.6666666667 * t1_1 + 1.333333333 * t1_2 );
  packed[(9u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(8.000000000 * t1_2 );
  packed[(32u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t1_0 + 1.333333333 * t1_1 - 1.333333333 * t1_2 );
  packed[(10u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(2.000000000 * t2_0 );
  packed[(11u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t2_0 - 1.333333333 * t2_1 - 1.333333333 * t2_2 );
  packed[(12u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t2_0 + 0.6666666667 * t2_1 + 1.333333333 * t2_2 );
  packed[(13u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t2_0 - 0.6666666667 * t2_1 + 1.333333333 * t2_2 );
  packed[(14u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(8.000000000 * t2_2 );
  packed[(33u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t2_0 + 1.333333333 * t2_1 - 1.333333333 * t2_2 );
  packed[(15u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(2.000000000 * t3_0 );
  packed[(16u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t3_0 - 1.333333333 * t3_1 - 1.333333333 * t3_2 );
  packed[(17u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t3_0 + 0.6666666667 * t3_1 + 1.333333333 * t3_2 );
  packed[(18u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t3_0 - 0.6666666667 * t3_1 + 1.333333333 * t3_2 );
  packed[(19u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(8.000000000 * t3_2 );
  packed[(34u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t3_0 + 1.333333333 * t3_1 - 1.333333333 * t3_2 );
  packed[(20u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(2.000000000 * t4_0 );
  packed[(21u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t4_0 - 1.333333333 * t4_1 - 1.333333333 * t4_2 );
  packed[(22u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t4_0 + 0.6666666667 * t4_1 + 1.333333333 * t4_2 );
  packed[(23u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t4_0 - 0.6666666667 * t4_1 + 1.333333333 * t4_2 );
  packed[(24u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(8.000000000 * t4_2 );
  packed[(35u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t4_0 + 1.333333333 * t4_1 - 1.333333333 * t4_2 );
  packed[(25u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(2.000000000 * t5_0 );
  packed[(26u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t5_0 - 1.333333333 * t5_1 - 1.333333333 * t5_2 );
  packed[(27u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t5_0 + 0.6666666667 * t5_1 + 1.333333333 * t5_2 );
  packed[(28u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(0.3333333333 * t5_0 - 0.6666666667 * t5_1 + 1.333333333 * t5_2 );
  packed[(29u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(8.000000000 * t5_2 );
  packed[(30u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(- 1.333333333 * t5_0 + 1.333333333 * t5_1 - 1.333333333 * t5_2 );
  
}
