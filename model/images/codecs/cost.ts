/**
 * What decoding a picture may take: a small file must not ask for any memory, nor for any time.
 *
 * @module
 */

/** What decoding takes at most, as far as the header tells. */
export interface Cost {
  /** Bytes of memory. */
  readonly memory: number;
  /** Nanoseconds of one core of a slow machine. */
  readonly time: number;
}

/**
 * What each byte of a file may cost, and of how many bytes the smallest file is taken to be: that is 150 MB and 2 s. A worker
 * takes up to 50 MB besides.
 */
const MEMORY_PER_BYTE = 150;
const TIME_PER_BYTE = 2000;
const LEAST_BYTES = 1_000_000;

/** Refuses what costs more than a file of so many bytes may. */
export function checkCost(bytes: number, width: number, height: number, { memory, time }: Cost): void {
  const counted = Math.max(bytes, LEAST_BYTES);
  const [maxMemory, maxTime] = [MEMORY_PER_BYTE * counted, TIME_PER_BYTE * counted];
  if (memory <= maxMemory && time <= maxTime) return;
  throw new RangeError(
    `Cannot decode picture: its ${width}×${height} pixels take about ${told({ memory, time })} to decode, ` +
      `expected at most ${told({ memory: maxMemory, time: maxTime })} for a file of ${bytes} bytes; ` +
      `pass maxPixels if you trust it`,
  );
}

function told({ memory, time }: Cost): string {
  return `${Math.ceil(memory / 1e6)} MB and ${(time / 1e9).toFixed(1)} s`;
}
