// For each pixel the distance to the plane on which its two nearest codes are equally near, and its squared length. The
// plane is orthogonal to the difference of the codes, and passes through their midpoint, or, for inner products, the origin.
import { CodeMarginFields } from "../job_fields";
import { startOf } from "../memory/partition";

export function codeMargin(f: CodeMarginFields, block: i32): void {
  const half: f64 = f.product ? 0 : 0.5;
  const bytes = <usize> f.stored << 2, codesBytes = <usize> f.pixels * bytes, yBytes = <usize> f.pixels << 2;
  const end = startOf(block + 1, f.blocks, f.pixels);
  for (let pixel = startOf(block, f.blocks, f.pixels); pixel < end; pixel++) {
    const x = f.x + <usize> pixel * bytes, code = f.codes + <usize> pixel * bytes;
    let along: f64 = 0, apart: f64 = 0, squares: f64 = 0;
    for (let c: usize = 0; c < <usize> f.channels << 2; c += 4) {
      const z = <f64> load<f32>(x + c);
      const first = <f64> load<f32>(code + c), second = <f64> load<f32>(code + codesBytes + c);
      const difference = first - second;
      along += difference * (z - half * (first + second));
      apart += difference * difference;
      squares += z * z;
    }
    const y = f.y + (<usize> pixel << 2);
    const hasSecond = load<i32>(f.indices + yBytes + (<usize> pixel << 2)) >= 0;
    const margin = apart > 0 ? max(along, 0) / sqrt(apart) : 0;
    store<f32>(y, hasSecond ? <f32> margin : f32.POSITIVE_INFINITY);
    store<f32>(y + yBytes, <f32> squares);
  }
}
