// deno-lint-ignore-file no-console
/**
 * Gives every reader damaged inputs, and says what became of them.
 *
 * ```sh
 * deno task fuzz --minutes 60            # with a seed of its own, which it says
 * deno task fuzz --seed 7 --case 1234    # one case of it again; its input is written to a file
 * ```
 *
 * An input is made of a fixture by a few changes of what it consists of: segments, chunks, boxes, entries,
 * instructions, values of JSON, with lengths and checksums put right so that the damage gets past the first check; and of
 * its bytes. Each is read, or refused with a documented error of a sensible message. All else is a fault: another error,
 * what JavaScript says where a check is missing, 2 seconds of the processor, 200 MB of memory, a hang, a crash. What the
 * readers of pictures, tokens, weights, models, the Hub's answers, the cache, the command line and the edge example are
 * given is in `targets/`, how it is damaged in `mutations/`.
 *
 * The exit code is 1 where there was a fault, and 2 where the arguments were wrong.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { makeCase, targetOf } from "./cases.ts";
import { runCases } from "./run.ts";
import { Tally } from "./tally.ts";

const HELP = `Gives every reader damaged inputs, and counts what became of them.

Usage: deno task fuzz [--minutes N] [--seed S] [--case C]

  --minutes N  how long; default 1
  --seed S     a whole number ≥ 0: the same seed, the same cases; default one by chance
  --case C     only the case of that number, and its input to a file; needs --seed`;

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

/** Over the progress, where there is one. */
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
