// deno-lint-ignore-file no-console
/**
 * The command line: pictures to tokens and back.
 *
 * ```sh
 * deno run -A jsr:@codebook/vqmodel/cli reconstruct MODEL picture.png -o out.png
 * ```
 *
 * `--help` lists the commands, and after a command its options. Results go to standard output, progress and errors to
 * standard error. The exit code is 0, 1 if something failed, 2 if the arguments were wrong, 3 if pictures of a data set
 * failed, or 130 after Ctrl-C.
 *
 * @module
 */

import process from "node:process";
import { type Command, findCommand, nameOf, parseArguments, UsageError } from "./cli/arguments.ts";
import { COMMANDS } from "./cli/commands.ts";
import { completions } from "./cli/completions.ts";
import { ExitError } from "./cli/process/exit_error.ts";
import { IS_DENO, isGranted } from "./cli/process/permissions.ts";
import { help, helpOn } from "./cli/help.ts";
import { restartWithWideVectors } from "./cli/process/restart.ts";
import { oneLine } from "./cli/text.ts";
import deno from "./deno.json" with { type: "json" };
import { printable } from "./mod.ts";

/** Runs a command, and returns the exit code. */
async function main(args: string[]): Promise<number> {
  quietenDrivers();
  if (!IS_DENO) ignoreClosedOutput();
  try {
    await runCommand(args);
    return 0;
  } catch (error) {
    console.error(isDebugging() ? error : `error: ${printable(oneLine(error))}`);
    return error instanceof UsageError ? 2 : error instanceof ExitError ? error.code : 1;
  }
}

async function runCommand(args: string[]): Promise<void> {
  const [first, second] = args;
  if (isHelp(first)) return console.log(help(COMMANDS));
  if (first === "--version") return console.log(deno.version);
  if (first === "--completions") return console.log(completions(second, COMMANDS));
  const group = COMMANDS.filter((command) => nameOf(command).startsWith(`${first} `));
  if (group.length > 0 && isHelp(second)) return console.log(group.map(helpOn).join("\n\n"));
  const { command, rest } = findCommand(COMMANDS, args);
  const { operands, options } = parseArguments(command, rest);
  if (options.help) return console.log(helpOn(command));
  if (isComputing(command) && !options["no-restart"]) await restartWithWideVectors(operands, options.device);
  await command.run(operands, options);
}

function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}

function isComputing({ options }: Command): boolean {
  return options.includes("no-restart");
}

/**
 * Graphics drivers on Linux write warnings to standard error if this variable is not set, as in containers. They would
 * keep a desktop's socket there, which computing does not need.
 */
function quietenDrivers(): void {
  const name = "XDG_RUNTIME_DIR";
  if (process.platform === "linux" && mayRead(name) && !process.env[name]) process.env[name] = "/tmp";
}

/** Lets whoever reads the output stop, as `head` does: Node would end with an error. */
function ignoreClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** Whether to show errors in full; not without permission to read the variable. */
function isDebugging(): boolean {
  return mayRead("DEBUG") && Boolean(process.env.DEBUG);
}

function mayRead(variable: string): boolean {
  return isGranted({ name: "env", variable });
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
