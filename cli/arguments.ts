/**
 * Commands, and the parsing and checking of their arguments.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { nearestName, printable } from "../mod.ts";
import { type Option, type OptionName, OPTIONS, type Options } from "./options.ts";
import { oneLine } from "./text.ts";

/** A command. */
export interface Command {
  readonly summary: string;
  readonly usage: string;
  readonly operands: readonly string[];
  /** Whether there may be several of the last operand. */
  readonly repeats?: true;
  readonly options: readonly OptionName[];
  /** Options with another meaning in this command. */
  readonly own?: { readonly [K in OptionName]?: Option };
  /** What the operands may be, for the help text. */
  readonly details?: string;
  /** Arguments that one may start from, for the help text. */
  readonly examples?: readonly string[];
  readonly run: (operands: readonly string[], options: Options) => Promise<void>;
}

/** The name of a command, which is one word, or two as in `cache list`. */
export function nameOf({ usage }: Command): string {
  return /^[a-z]+( [a-z]+)*/.exec(usage)![0];
}

/** Much longer than any message that quotes no argument. */
const LONGEST_MESSAGE = 500;

/** The arguments are wrong. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    const text = printable(message);
    super(text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text, options);
  }
}

/**
 * Finds the command that arguments begin with.
 *
 * @throws {UsageError} if there is none
 */
export function findCommand(
  commands: readonly Command[],
  args: readonly string[],
): { command: Command; rest: string[] } {
  const names = commands.map(nameOf);
  const [first, second] = args;
  const group = names.filter((name) => name.startsWith(`${first} `));
  const name = group.length > 0 ? `${first} ${second}` : first;
  const at = names.indexOf(name);
  if (at >= 0) return { command: commands[at], rest: args.slice(name.split(" ").length) };

  const known = group.length > 0 ? group : [...new Set(names.map((name) => name.split(" ")[0]))];
  const isMissing = (group.length > 0 ? second : first) === undefined;
  const found = isMissing ? `no command${group.length > 0 ? ` of ${first}` : ""}` : `unknown command "${name}"`;
  const nearest = isMissing ? undefined : nearestName(name, names);
  throw new UsageError(`${found}: ${nearest ? `did you mean ${nearest}?` : `expected ${known.join(", ")} or --help`}`);
}

/**
 * Parses the operands and options of a command. With `--help` among them, they are not checked.
 *
 * @throws {UsageError} if the command does not take them
 */
export function parseArguments(command: Command, args: string[]): { operands: string[]; options: Options } {
  const { operands, options } = readArguments(command, args);
  if (!options.help) checkArguments(command, operands, options);
  return { operands, options };
}

function readArguments(command: Command, args: string[]): { operands: string[]; options: Options } {
  const options = Object.fromEntries(command.options.map((name) => [name, OPTIONS[name]]));
  try {
    const { positionals, values } = parseArgs({ args: joinRange(args), options, allowPositionals: true });
    return { operands: positionals, options: values };
  } catch (cause) {
    const [problem] = oneLine(cause).split(". "); // the rest is advice for rare cases
    const unknown = /^Unknown option '--?([^'=]+)/.exec(problem)?.[1];
    const nearest = unknown && nearestName(unknown, command.options);
    throw new UsageError(`${problem}: ${nearest ? `did you mean --${nearest}?` : `see ${nameOf(command)} --help`}`, {
      cause,
    });
  }
}

/** `--range -1,1` becomes `--range=-1,1`: `parseArgs` would take the value for an option. */
function joinRange(args: string[]): string[] {
  const at = args.indexOf("--range");
  return at < 0 || at + 1 === args.length ? args : args.toSpliced(at, 2, `--range=${args[at + 1]}`);
}

function checkArguments({ usage, operands, repeats, own }: Command, found: readonly string[], options: Options): void {
  if (found.length < operands.length) {
    throw new UsageError(`missing ${operands.slice(found.length).join(" and ")}: expected ${usage}`);
  }
  if (found.length > operands.length && !repeats) {
    throw new UsageError(`unexpected "${found[operands.length]}": expected ${usage}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const { pattern, takes }: Option = { ...OPTIONS, ...own }[name as OptionName];
    if (pattern && !pattern.test(`${value}`)) throw new UsageError(`--${name} takes ${takes}, found "${value}"`);
  }
}
