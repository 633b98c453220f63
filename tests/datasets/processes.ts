/** Runs of `tokenize` and `detokenize` that tests end in the middle. */
import { repository } from "../support/paths.ts";
import { IMPORT_MAP, startDeno } from "../support/processes.ts";
import { LEAVES } from "./pictures.ts";

/** The arguments of Deno to tokenize with one thread. */
export const COMMAND = [
  ...["run", "-A", "--quiet", "--no-check", IMPORT_MAP, repository("cli.ts")],
  ...["tokenize", LEAVES, "--device=wasm", "--threads=1"],
];

/** Starts to tokenize inputs, with four pictures a shard. */
export function startTokenize(inputs: readonly string[], out: string): Deno.ChildProcess {
  return startDeno([...COMMAND, ...inputs, "-o", out, "--shard-size=4"]);
}

/** The arguments of Deno to turn tokens into pictures with one thread. */
export const DETOKENIZE = COMMAND.with(COMMAND.indexOf("tokenize"), "detokenize");

/** Starts to turn tokens into pictures. */
export function startDetokenize(tokens: string, out: string, ...options: string[]): Deno.ChildProcess {
  return startDeno([...DETOKENIZE, tokens, "-o", out, ...options]);
}

/** Writes tokens of pictures `p0`, `p1`, … of 32×32 pixels as lines of JSON; those that are named are no JSON. */
export async function writeTokenLines(
  path: string,
  count: number,
  { corrupt = [] }: { corrupt?: readonly number[] } = {},
): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => {
    const line = JSON.stringify({ key: `p${i}`, shape: [8, 8], indices: Array(64).fill(3 * i) });
    return corrupt.includes(i) ? line.slice(0, -3) : line;
  });
  await Deno.writeTextFile(path, lines.join("\n"));
}

/** Waits for a file. */
export async function waitFor(path: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`Waited 30 s for ${path}`);
}
