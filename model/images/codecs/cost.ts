/**
 * Limits on the memory and time of decoding, so that a small file cannot use up either.
 *
 * @module
 */

/** Upper bounds of what decoding takes, computed from the header. */
export interface Cost {
  /** Memory in bytes. */
  readonly memory: number;
  /** Time in nanoseconds on one core of a slow machine. */
  readonly time: number;
}

/**
 * Bytes of memory and nanoseconds allowed per byte of the file. Files under 1 MB are allowed as much as one of 1 MB:
 * 150 MB and 2 s. A worker takes up to 50 MB more.
 */
const MEMORY_PER_BYTE = 150;
const TIME_PER_BYTE = 2000;
const LEAST_BYTES = 1_000_000;

/** Checks that decoding costs no more than a file of this size is allowed. */
export function checkCost(bytes: number, width: number, height: number, { memory, time }: Cost): void {
  const counted = Math.max(bytes, LEAST_BYTES);
  const [maxMemory, maxTime] = [MEMORY_PER_BYTE * counted, TIME_PER_BYTE * counted];
  if (memory <= maxMemory && time <= maxTime) return;
  throw new RangeError(
    `Cannot decode picture: its ${width}×${height} pixels take about ${describeCost({ memory, time })} to decode, ` +
      `expected at most ${describeCost({ memory: maxMemory, time: maxTime })} for a file of ${bytes} bytes; ` +
      `pass maxPixels if you trust it`,
  );
}

function describeCost({ memory, time }: Cost): string {
  return `${Math.ceil(memory / 1e6)} MB and ${(time / 1e9).toFixed(1)} s`;
}
