/** Processes that tests start. */
import { assertEquals } from "@std/assert";
import { repository } from "./paths.ts";

/** Deno's flag for the offline import map. It does no harm where JSR answers. */
export const IMPORT_MAP = `--import-map=${repository("tools/offline/import_map.json")}`;

/** How a process ended, and what it printed. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Options = Omit<Deno.CommandOptions, "args">;

/** Starts a program whose output is read as plain text. */
export function start(program: string, args: readonly string[], options: Options = {}): Deno.ChildProcess {
  const env = { NO_COLOR: "1", ...options.env };
  return new Deno.Command(program, { stdout: "piped", stderr: "piped", ...options, args: [...args], env }).spawn();
}

/** Starts Deno. */
export function startDeno(args: readonly string[], options?: Options): Deno.ChildProcess {
  return start(Deno.execPath(), args, options);
}

/** Waits until a process has ended. */
export async function outputOf(child: Deno.ChildProcess): Promise<Output> {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** What a process prints, which must succeed and warn of nothing. */
export async function printedBy(child: Deno.ChildProcess): Promise<string> {
  const { code, stdout, stderr } = await outputOf(child);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}
