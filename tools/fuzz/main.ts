// deno-lint-ignore-file no-console
/**
 * Gives every reader damaged inputs, and counts the outcomes.
 *
 * ```sh
 * deno task fuzz --minutes 60            # with a random seed, which it prints
 * deno task fuzz --seed 7 --case 1234    # repeats one case, and writes its input to a file
 * ```
 *
 * An input is a fixture with a few changes: of its bytes, or of its parts (segments, chunks, boxes, entries, instructions,
 * JSON values), with lengths and checksums corrected so that the damage gets past the first check. It should be read, or
 * refused with a documented error and a readable message. Everything else is a fault: another error, JavaScript's own
 * message where a check is missing, 2 seconds of CPU time, 200 MB of memory, a hang, a crash. `targets/` holds the readers
 * and their samples: pictures, tokens, weights, models, other families' checkpoints, the Hub's responses, the cache, the
 * command line and the edge example. `mutations/` holds the changes.
 *
 * The exit code is 1 if there was a fault, and 2 if the arguments were wrong.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { makeCase, targetOf } from "./cases.ts";
import { runCases } from "./run.ts";
import { Tally } from "./tally.ts";

const HELP = `Gives every reader damaged inputs, and counts the outcomes.

Usage: deno task fuzz [--minutes N] [--seed S] [--case C]

  --minutes N  how long to run; default 1
  --seed S     a whole number ≥ 0: the same seed gives the same cases; default random
  --case C     only this case, with its input written to a file; needs --seed`;

async function main(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: { minutes: text, seed: text, case: text, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.case !== undefined) return await repeat(whole("seed", values.seed), whole("case", values.case));
  const minutes = Number(values.minutes ?? 1);
  if (!(minutes > 0)) throw new TypeError(`--minutes takes a number > 0, found ${values.minutes}`);
  return await fuzz(values.seed === undefined ? Date.now() % 1e9 : whole("seed", values.seed), minutes);
}

function whole(option: string, value: string | undefined): number {
  if (value !== undefined && /^\d{1,9}$/.test(value)) return Number(value);
  throw new TypeError(`--${option} takes a whole number below 1e9, found ${value ?? "none"}`);
}

async function fuzz(seed: number, minutes: number): Promise<number> {
  console.log(`seed ${seed}`);
  const tally = new Tally();
  const start = performance.now();
  for await (const ran of runCases(seed, naturals())) {
    if (tally.add(ran)) {
      console.log(`${lineStart()}fault in case ${ran.number}, ${targetOf(ran.number).name}: ${ran.reason}`);
    }
    const seconds = (performance.now() - start) / 1000;
    showProgress(`${seconds.toFixed(0)} s, ${tally.cases} cases, ${tally.faults.size} kinds of faults`);
    if (seconds > minutes * 60) break;
  }
  console.log(`${lineStart()}${tally.table()}`);
  for (const [kind, { count, first }] of tally.faults) {
    console.log(`${count} × ${kind}\n    deno task fuzz --seed ${seed} --case ${first.number}`);
  }
  return tally.faults.size > 0 ? 1 : 0;
}

/** Runs one case, and writes its input to a file. */
async function repeat(seed: number, number: number): Promise<number> {
  const { target, bytes } = makeCase(seed, number);
  const file = await Deno.makeTempFile({ prefix: `fuzz-${seed}-${number}-`, suffix: `.${target.extension}` });
  await Deno.writeFile(file, bytes);
  console.log(`${target.name}: wrote ${bytes.length} bytes to ${file}`);
  const [ran] = await Array.fromAsync(runCases(seed, [number]));
  console.log(`${ran.outcome}${ran.reason ? `: ${ran.reason}` : ""}`);
  return ran.outcome === "fault" ? 1 : 0;
}

function* naturals(): Generator<number> {
  for (let number = 0;; number++) yield number;
}

function showProgress(text: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r${text}`));
}

/** The start of a line; on a terminal it overwrites the progress. */
function lineStart(): string {
  return Deno.stderr.isTerminal() ? "\r\x1b[K" : "";
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    Deno.exitCode = 2;
  }
}
