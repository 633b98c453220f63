/**
 * A compute device could not do what was asked: no adapter, out of memory, a lost device, a limit exceeded.
 * The message says what was needed, what the device offers, and what to do.
 */
export class DeviceError extends Error {
  /** @ignore */
  override readonly name = "DeviceError";
}

/**
 * A value that a float16 engine was to store was out of range, or not a number. There are no results; computing in float32
 * gives them.
 */
export class OverflowError extends Error {
  /** @ignore */
  override readonly name = "OverflowError";
}
