/**
 * Errors of engines.
 *
 * @module
 */

/**
 * A compute device could not do what was asked: no adapter, out of memory, a lost device, a limit exceeded.
 * The message says what was needed, what the device offers, and what to do.
 */
export class DeviceError extends Error {
  /** @ignore */
  override readonly name = "DeviceError";
}

/** A value was out of float16's range or NaN on an engine that stores float16. Compute in float32 instead. */
export class OverflowError extends Error {
  /** @ignore */
  override readonly name = "OverflowError";
}
