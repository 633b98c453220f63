/**
 * Outcomes of inputs, and the faults among them.
 *
 * @module
 */

import { UsageError } from "../../cli/arguments.ts";
import { ConfigError, DeviceError, HubError, WeightsError } from "../../mod.ts";

/** An input is read, or refused with a documented error; everything else is a fault. */
export type Outcome = "read" | "refused" | "fault";

const REFUSALS = [TypeError, RangeError, ConfigError, DeviceError, HubError, UsageError, WeightsError];

/** Messages of JavaScript and WebAssembly where a check is missing. */
const RAW = new RegExp(
  [
    "Cannot (read|set|destructure|convert|mix|create|assign|access)? ?(properties|property|of|undefined|a BigInt|object)\\b",
    "Invalid (array|typed array|string|array buffer|count|code point|time|language|DataView)",
    "Maximum call stack|is not (a function|iterable|a constructor|defined|an object|extensible)|out of memory",
    "memory access out of bounds|unreachable|table index|divide by zero|integer overflow|signature mismatch",
    "(Offset|Start offset|offset|Index|index) .*(is )?(out of|outside) (the )?(bounds|range)|Array buffer allocation",
    "source is too large|Reduce of empty|should be a multiple of|cannot be converted to a BigInt",
    "Aborted\\(|RuntimeError|\\[object ",
  ].join("|"),
);

const LONGEST_MESSAGE = 2000;

/** The fault of an error that refused an input; `undefined` if the error is documented and its message fit to read. */
export function faultOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return `not an error: ${show(String(thrown))}`;
  const { name, message } = thrown;
  if (!REFUSALS.some((Kind) => thrown instanceof Kind)) return `${name}: ${show(message)}`;
  if (message.length > LONGEST_MESSAGE) return `a message of ${message.length} characters: ${show(message)}`;
  if (/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/u.test(message)) {
    return `control characters: ${show(message)}`;
  }
  if (message === "" || RAW.test(message)) return `raw ${name}: ${show(message)}`;
}

function show(message: string): string {
  return JSON.stringify(message.slice(0, 300));
}
