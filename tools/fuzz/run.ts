/**
 * Runs cases in a process that may hang, crash or take all memory: it is ended then, and another goes on.
 *
 * @module
 */

import type { Result } from "./worker.ts";

const WORKER = new URL("worker.ts", import.meta.url);
const IMPORT_MAP = new URL("../offline/import_map.json", import.meta.url); // harmless where JSR answers

/** By the clock; what takes the processor for two seconds is a fault anyway. */
const DEADLINE_MS = 20_000;
const MOST_MEMORY = 3_000_000_000;
const WATCH_MS = 100;

/** What became of the case of that number. */
export interface Ran extends Result {
  readonly number: number;
}

/** Options of {@linkcode runCases}. */
export interface RunOptions {
  /** The program that runs the cases. */
  worker?: URL;
  /** How many milliseconds a case may take. */
  deadline?: number;
}

/** Runs the cases of a seed, one after another; whoever takes the results decides when to stop. */
export async function* runCases(
  seed: number,
  numbers: Iterable<number>,
  { worker = WORKER, deadline = DEADLINE_MS }: RunOptions = {},
): AsyncGenerator<Ran> {
  const directory = await Deno.makeTempDir();
  let process: WorkerProcess | undefined;
  try {
    for (const number of numbers) {
      process ??= startWorker(worker, seed, directory);
      const result = await process.run(number, deadline);
      yield { number, ...result };
      if (result.outcome !== "fault") continue;
      await process.end();
      process = undefined;
    }
  } finally {
    await process?.end();
    await Deno.remove(directory, { recursive: true });
  }
}

interface WorkerProcess {
  run(number: number, deadline: number): Promise<Result>;
  end(): Promise<void>;
}

/** Starts a process, the temporary files of which lie in a directory. */
function startWorker(worker: URL, seed: number, directory: string): WorkerProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--quiet", `--import-map=${IMPORT_MAP.pathname}`, worker.href, `${seed}`],
    env: { TMPDIR: directory, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const complaints = new Response(child.stderr).text();

  async function run(number: number, deadline: number): Promise<Result> {
    let end: string | undefined;
    const kill = (reason: string) => {
      end = reason;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => kill(`hang: more than ${deadline / 1000} s`), deadline);
    const watch = setInterval(() => {
      if (memoryOf(child.pid) > MOST_MEMORY) kill(`memory: more than ${MOST_MEMORY / 1e9} GB`);
    }, WATCH_MS);
    try {
      await input.write(new TextEncoder().encode(`${number}\n`)).catch(() => {}); // it ended: no line comes
      const line = await readLine(output);
      if (line !== undefined) return JSON.parse(line);
      return { outcome: "fault", reason: end ?? `crash: ${lastWords(await complaints)}` };
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
    }
  }

  async function end(): Promise<void> {
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended before.
    }
    await Promise.all([input.abort().catch(() => {}), output.cancel(), child.status, complaints]);
  }

  return { run, end };
}

/** What comes up to the end of a line; nothing where it does not come. */
async function readLine(output: ReadableStreamDefaultReader<string>): Promise<string | undefined> {
  for (let line = "";;) {
    const { value } = await output.read();
    if (value === undefined) return undefined;
    line += value;
    if (line.endsWith("\n")) return line;
  }
}

/** What Deno says when it ends. */
function lastWords(complaints: string): string {
  return /error: [^]{0,500}/.exec(complaints)?.[0] ?? "without a word";
}

/** The memory that a process has, where the system says it. */
function memoryOf(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
