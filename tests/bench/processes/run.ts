/** Measures both engines in processes of their own, in turns. */
import { vectorsAreWide } from "../../../kernels/wasm/threads/revectorize.ts";
import { repository } from "../../support/paths.ts";
import { IMPORT_MAP, outputOf, startDeno } from "../../support/processes.ts";
import type { Job, Measured } from "./child.ts";
import { type EngineName, ENGINES } from "./engines.ts";

/** What each round measured of each engine. */
export type Rounds = Record<EngineName, Measured[]>;

/** Runs a job on both engines, `rounds` times. */
export async function runInTurns(job: Omit<Job, "engine">, rounds: number): Promise<Rounds> {
  const measured: Rounds = { "this engine": [], "onnxruntime-node": [] };
  for (let round = 0; round < rounds; round++) {
    for (const engine of ENGINES) measured[engine].push(await run({ ...job, engine }));
  }
  return measured;
}

/** The median of what a function picks out of each round, or null if a round lacks it. */
export function medianOf<T>(rounds: readonly T[], pick: (round: T, index: number) => number | null): number | null {
  const values = rounds.map(pick).filter((value) => value !== null).sort((a, b) => a - b);
  if (values.length < rounds.length) return null;
  const middle = values.length >> 1;
  return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

async function run(job: Job): Promise<Measured> {
  // As the command line starts again, for both engines.
  const flags = await vectorsAreWide() ? ["--v8-flags=--experimental-wasm-revectorize,--no-liftoff"] : [];
  const child = repository("tests/bench/processes/child.ts");
  const args = ["run", "-A", "--quiet", "--no-check", IMPORT_MAP, ...flags, child, JSON.stringify(job)];
  const { code, stdout, stderr } = await outputOf(startDeno(args));
  if (code !== 0) throw new Error(`${job.engine} failed on ${job.stored.model}: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout);
}
