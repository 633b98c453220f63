/**
 * Errors on their way from a worker: they keep class, message, stack and fields, which a structured clone would lose.
 *
 * @module
 */

import { HubError, WeightsError } from "../../hub/mod.ts";
import { DeviceError } from "../../kernels/mod.ts";
import { ConfigError } from "../architecture/errors.ts";

/** What is sent of an error. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Fields of its class, such as `status` of a `HubError`. */
  readonly fields?: Record<string, unknown>;
  readonly cause?: SentError;
}

const CLASSES: Record<string, new (message: string) => Error> = {
  ...{ TypeError, RangeError, SyntaxError },
  ...{ ConfigError, DeviceError, HubError, WeightsError },
};

/** What to send of whatever was thrown. */
export function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: `${error}` };
  const { name, message, stack, cause } = error;
  const fields = error instanceof HubError
    ? { status: error.status, url: error.url, errorCode: error.errorCode }
    : undefined;
  return { name, message, stack, fields, cause: cause === undefined ? undefined : sendError(cause) };
}

/** The error that was sent; an `Error` of the same name if its class is not known. */
export function receiveError({ name, message, stack, fields, cause }: SentError): Error {
  const error = createError(name, message);
  Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  return Object.assign(error, fields, cause && { cause: receiveError(cause) });
}

function createError(name: string, message: string): Error {
  if (Object.hasOwn(CLASSES, name)) return new CLASSES[name](message);
  return Object.assign(new Error(message), { name });
}
