/** Where part `part` begins if `count` units are cut into `parts` equal ones. The product may take more than 32 bits. */
@inline
export function startOf(part: i32, parts: i32, count: i32): i32 {
  return <i32> (<i64> count * part / parts);
}
