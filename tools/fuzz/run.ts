/**
 * Runs cases in a process. If it hangs, crashes or takes too much memory, it is killed, and a new one continues.
 *
 * @module
 */

import type { Result } from "./worker.ts";

const WORKER = new URL("worker.ts", import.meta.url);
const IMPORT_MAP = new URL("../offline/import_map.json", import.meta.url); // harmless where JSR can be reached

/** Wall time; more than two seconds of CPU time are a fault in any case. */
const DEADLINE_MS = 20_000;
const MOST_MEMORY = 3_000_000_000;
const WATCH_MS = 100;

/** The result of the case of this number. */
export interface Ran extends Result {
  readonly number: number;
}

/** Options of {@linkcode runCases}. */
export interface RunOptions {
  /** The program that runs the cases. */
  worker?: URL;
  /** Milliseconds that a case may take. */
  deadline?: number;
}

/** Runs the cases of a seed, one after another, as long as the caller takes their results. */
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

/** Starts a process whose temporary files are in `directory`. */
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
      await input.write(new TextEncoder().encode(`${number}\n`)).catch(() => {}); // it has ended, so there will be no line
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
      // It has already ended.
    }
    await Promise.all([input.abort().catch(() => {}), output.cancel(), child.status, complaints]);
  }

  return { run, end };
}

/** Reads a line; `undefined` if the stream ends first. */
async function readLine(output: ReadableStreamDefaultReader<string>): Promise<string | undefined> {
  for (let line = "";;) {
    const { value } = await output.read();
    if (value === undefined) return undefined;
    line += value;
    if (line.endsWith("\n")) return line;
  }
}

/** The error that Deno printed before it ended. */
function lastWords(complaints: string): string {
  return /error: [^]{0,500}/.exec(complaints)?.[0] ?? "no message";
}

/** Memory of a process in bytes on Linux, 0 elsewhere. */
function memoryOf(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
