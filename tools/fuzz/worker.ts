/**
 * A process that runs cases: `worker.ts SEED` reads their numbers from standard input, one per line, and writes the result
 * of each to standard output, as a line of JSON.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { makeCase } from "./cases.ts";
import { faultOf, type Outcome } from "./outcome.ts";

/** The result of a case. */
export interface Result {
  readonly outcome: Outcome;
  /** The message of the error, or a description of the fault. */
  readonly reason?: string;
}

/** Longest CPU time in seconds, which does not depend on the load of the machine. */
const LONGEST = 2;
/** Largest growth of memory in bytes. */
const MOST_GROWTH = 200_000_000;

/** Runs a case, in bounded time and memory. */
async function runCase(seed: number, number: number): Promise<Result> {
  const { target, bytes } = makeCase(seed, number);
  const [used, peak, resident] = [process.cpuUsage(), peakMemory(), process.memoryUsage().rss];
  const result = await target.read(bytes).then((): Result => ({ outcome: "read" }), refusal);
  const { user, system } = process.cpuUsage(used);
  const seconds = (user + system) / 1e6;
  if (seconds > LONGEST) return { outcome: "fault", reason: `slow: ${seconds.toFixed(1)} s` };
  const growth = peakMemory() > peak ? peakMemory() - resident : 0;
  if (growth > MOST_GROWTH) return { outcome: "fault", reason: `memory: ${Math.round(growth / 1e6)} MB` };
  return result;
}

function refusal(thrown: unknown): Result {
  const fault = faultOf(thrown);
  return fault ? { outcome: "fault", reason: fault } : { outcome: "refused", reason: (thrown as Error).message };
}

/** Peak memory of this process on Linux, its current memory elsewhere. */
function peakMemory(): number {
  if (Deno.build.os !== "linux") return process.memoryUsage().rss;
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    const result = await runCase(Number(Deno.args[0]), Number(line));
    await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(result) + "\n"));
  }
}
