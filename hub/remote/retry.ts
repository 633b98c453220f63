/**
 * Retries of temporary failures.
 *
 * @module
 */

import { HubError, type HubErrorOptions } from "../errors.ts";
import { sleep } from "../system/sleep.ts";

/** Retries in a row without progress. */
const RETRIES = 5;
/** The same while no response was received at all, so that the server probably does not exist. */
export const RETRIES_WITHOUT_RESPONSE = 2;
/** Milliseconds; each further pause is three times as long. */
const FIRST_PAUSE = 100;
/** Longest pause that a server may request, in milliseconds: the Hub limits requests per five minutes. */
const MAX_PAUSE = 300_000;

/** Options of {@linkcode UnreachableError}. */
export interface UnreachableOptions extends HubErrorOptions {
  /** Milliseconds to wait before the next attempt, if the server requests it; infinite if retries are useless. */
  retryAfter?: number;
  /** Number of retries, if fewer than usual. */
  retries?: number;
}

/** The Hub does not respond, or not now: a retry may succeed, or the cache be used. */
export class UnreachableError extends HubError {
  /** Milliseconds to wait before the next attempt, if known; infinite if retries are useless. */
  readonly retryAfter?: number;
  /** Number of retries, if fewer than usual. */
  readonly retries?: number;

  constructor(message: string, options: UnreachableOptions = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
    this.retries = options.retries;
  }
}

/** Options of {@linkcode withRetries}. */
export interface RetryOptions {
  /** Number of retries in a row without progress. */
  retries?: number;
  signal?: AbortSignal;
}

/**
 * Makes attempts until one succeeds, with growing pauses. Only an {@linkcode UnreachableError} is retried.
 *
 * @param attempt gets a function to call on progress, which resets the count of retries
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
      if (pause > MAX_PAUSE) throw error;
      await sleep(pause, signal);
    }
  }
}

/** The pause in milliseconds from a `Retry-After` header, which contains seconds or a date. */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  const pause = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(pause) ? undefined : Math.max(pause, 0);
}
