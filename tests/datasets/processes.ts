/** Runs of `tokenize` that tests end in the middle. */
import { repository } from "../support/paths.ts";
import { IMPORT_MAP, startDeno } from "../support/processes.ts";
import { LEAVES } from "./pictures.ts";

/** The arguments of Deno to tokenize with one thread. */
export const COMMAND = [
  ...["run", "-A", "--quiet", "--no-check", IMPORT_MAP, repository("cli.ts")],
  ...["tokenize", LEAVES, "--device=wasm", "--threads=1"],
];

/** Starts to tokenize a folder, with four pictures a shard. */
export function startTokenize(pictures: string, out: string): Deno.ChildProcess {
  return startDeno([...COMMAND, pictures, "-o", out, "--shard-size=4"]);
}

/** Waits for a file. */
export async function waitFor(path: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`Waited 30 s for ${path}`);
}
