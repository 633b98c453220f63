/** The formulas from which Winograd's transforms are generated. */
import { assertAlmostEquals } from "@std/assert";
import { ALGORITHMS, type Formula } from "../../../kernels/wasm/build/winograd_formulas.ts";
import { testOn } from "../../support/engines.ts";

/** The values of formulas, in float64, beside those given. */
function evaluate(formulas: readonly Formula[], given: Record<string, number>): Record<string, number> {
  const values = { ...given };
  for (const { name, terms } of formulas) {
    values[name] = terms.reduce(
      (sum, { sign, coefficient, name }) => sum + sign * number(coefficient) * values[name],
      0,
    );
  }
  return values;
}

/** The value of a fraction such as `5/4`, or of a whole number. */
function number(fraction: string): number {
  const [numerator, denominator = 1] = fraction.split("/").map(Number);
  return numerator / denominator;
}

function noise(letter: string, count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${letter}${i}`, Math.random() * 2 - 1]));
}

for (const { name, positions, results, source, weights, result, scale = "1" } of ALGORITHMS) {
  testOn(
    "wasm",
    `the formulas of Winograd's algorithm "${name}" compute a convolution with three taps and a bias`,
    () => {
      const stride = (positions - 3) / (results - 1);
      const d = noise("d", positions), g = noise("g", 3), b = scale === "1" ? 0.5 : 0;
      const v = evaluate(source, d), u = evaluate(weights, g);
      const m = Object.fromEntries(
        Array.from({ length: positions }, (_, i) => [`m${i}`, v[`v${i}`] * (u[`u${i}`] ?? u.u5)]),
      );
      const y = evaluate(result, { ...m, b });
      for (let i = 0; i < results; i++) {
        const expected = g.g0 * d[`d${i * stride}`] + g.g1 * d[`d${i * stride + 1}`] + g.g2 * d[`d${i * stride + 2}`];
        // The scale is that of both sides.
        assertAlmostEquals(y[`y${i}`] * Math.sqrt(number(scale)), expected + b, 1e-12);
      }
    },
  );
}
