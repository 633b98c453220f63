/**
 * Stands in for `jsr:@std/assert` where JSR cannot be reached: the functions this project uses, over Node's library.
 * In one respect it is stricter: `assertEquals` tells 0 from -0.
 */
import assert from "node:assert/strict";
import { inspect } from "node:util";

// deno-lint-ignore no-explicit-any
type AnyConstructor = new (...args: any[]) => any;
// deno-lint-ignore no-explicit-any
type ErrorConstructor<E extends Error> = abstract new (...args: any[]) => E;

function check(condition: unknown, explanation: string, msg?: string): asserts condition {
  if (!condition) fail(msg === undefined ? explanation : `${explanation}: ${msg}`);
}

export function fail(msg = "Failed assertion."): never {
  throw new assert.AssertionError({ message: msg });
}

function assertTruthy(expr: unknown, msg = ""): asserts expr {
  check(expr, msg);
}
export { assertTruthy as assert };

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  assert.deepStrictEqual(actual, expected, msg);
}

export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  assert.notDeepStrictEqual(actual, expected, msg);
}

export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  check(actual !== undefined && actual !== null, `Expected a value, got ${actual}`, msg);
}

/** Without a tolerance, the numbers may differ by the seven digits that `@std/assert` allows. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  tolerance ??= Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7;
  const delta = Math.abs(expected - actual);
  check(delta <= tolerance, `Expected ${actual} to be within ${tolerance} of ${expected}, off by ${delta}`, msg);
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, `Expected ${inspect(actual)} > ${inspect(expected)}`, msg);
}

export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual >= expected, `Expected ${inspect(actual)} >= ${inspect(expected)}`, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, `Expected ${inspect(actual)} < ${inspect(expected)}`, msg);
}

export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual <= expected, `Expected ${inspect(actual)} <= ${inspect(expected)}`, msg);
}

export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  check(actual.includes(expected), `Expected ${inspect(actual)} to contain ${inspect(expected)}`, msg);
}

export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  check(expected.test(actual), `Expected ${inspect(actual)} to match ${expected}`, msg);
}

export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  check(actual instanceof expectedType, `Expected an instance of ${expectedType.name}, got ${inspect(actual)}`, msg);
}

export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorConstructor<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  check(error instanceof Error, `Expected an Error, got ${inspect(error)}`, msg);
  if (ErrorClass) {
    check(error instanceof ErrorClass, `Expected ${ErrorClass.name}, got ${inspect(error)}`, msg);
  }
  if (typeof msgMatches === "string") assertStringIncludes(error.message, msgMatches, msg);
  if (msgMatches instanceof RegExp) assertMatch(error.message, msgMatches, msg);
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  classOrMsg?: ErrorConstructor<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const [ErrorClass, note] = typeof classOrMsg === "string" ? [undefined, classOrMsg] : [classOrMsg, msg];
  try {
    fn();
  } catch (error) {
    if (ErrorClass) assertIsError(error, ErrorClass, msgIncludes, note);
    return error;
  }
  fail(`Expected function to throw${note ? `: ${note}` : "."}`);
}

export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorConstructor<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const [ErrorClass, note] = typeof classOrMsg === "string" ? [undefined, classOrMsg] : [classOrMsg, msg];
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    // An error thrown before there is a promise is no rejection.
    check(promise !== undefined, `Expected function to reject, it threw ${inspect(error)}`, note);
    if (ErrorClass) assertIsError(error, ErrorClass, msgIncludes, note);
    return error;
  }
  fail(`Expected function to reject${note ? `: ${note}` : "."}`);
}
