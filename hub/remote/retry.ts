/**
 * Trying again what failed for a moment.
 *
 * @module
 */

import { HubError, type HubErrorOptions } from "../errors.ts";
import { sleep } from "../system/sleep.ts";

const RETRIES = 5;
/** How many failures in a row to bear where nothing has ever answered: there is rather nobody than someone busy. */
export const RETRIES_AT_NOBODY = 2;
/** Milliseconds; the next pauses are three times as long each. */
const FIRST_PAUSE = 100;
/** The Hub counts requests in windows of five minutes. */
const LONGEST_OBEDIENCE = 300_000;

/** Options of {@linkcode UnreachableError}. */
export interface UnreachableOptions extends HubErrorOptions {
  /** Milliseconds to wait before the next attempt, where the server said so; infinite where another is of no use. */
  retryAfter?: number;
  /** How many failures in a row to bear, where that is fewer than usual. */
  retries?: number;
}

/** The Hub did not answer, or not now: another attempt may do, or what the cache holds. */
export class UnreachableError extends HubError {
  /** Milliseconds to wait before the next attempt, where that is known. */
  readonly retryAfter?: number;
  /** How many failures in a row to bear, where that is fewer than usual. */
  readonly retries?: number;

  constructor(message: string, options: UnreachableOptions = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
    this.retries = options.retries;
  }
}

/** How long to go on. */
export interface RetryOptions {
  /** How many failures in a row to bear. */
  retries?: number;
  signal?: AbortSignal;
}

/**
 * Makes attempts until one succeeds, with growing pauses between them. Only an {@linkcode UnreachableError} is worth
 * another.
 *
 * @param attempt gets a function to call when it came further than ever, upon which the count of failures starts anew
 */
export async function withRetries<T>(
  attempt: (progressed: () => void) => Promise<T>,
  { retries = RETRIES, signal }: RetryOptions = {},
): Promise<T> {
  for (let failures = 0;; failures++) {
    try {
      return await attempt(() => failures = 0);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof UnreachableError)) throw error;
      if (failures >= Math.min(retries, error.retries ?? Infinity)) throw error;
      const pause = error.retryAfter ?? FIRST_PAUSE * 3 ** failures * (0.75 + Math.random() / 2);
      if (pause > LONGEST_OBEDIENCE) throw error;
      await sleep(pause, signal);
    }
  }
}

/** The milliseconds that a `Retry-After` header asks for: it holds seconds, or a date. */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  const pause = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(pause) ? undefined : Math.max(pause, 0);
}
