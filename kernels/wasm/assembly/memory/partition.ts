/** The first unit of part `part` of `count` units in `parts` equal parts. The product may exceed 32 bits. */
@inline
export function startOf(part: i32, parts: i32, count: i32): i32 {
  return <i32> (<i64> count * part / parts);
}
