/** The versions of Node that are supported. */
import { printedBy, start } from "../support/processes.ts";

const programs = new Map<string, Promise<string>>();

/** Starts a version of Node or Bun, such as `node@20`: the program itself, since npx takes longer and passes no signals on. */
export async function startRuntime(
  runtime: string,
  args: readonly string[],
  options?: Omit<Deno.CommandOptions, "args">,
): Promise<Deno.ChildProcess> {
  const program = programs.get(runtime) ?? printedBy(start("npx", ["-y", runtime, "-p", "process.execPath"]));
  programs.set(runtime, program);
  return start((await program).trim(), args, options);
}
