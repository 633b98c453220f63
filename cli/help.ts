/**
 * The texts of `--help`.
 *
 * @module
 */

import type { Command } from "./arguments.ts";
import { type Option, OPTIONS } from "./options.ts";
import { IS_DENO } from "./process/permissions.ts";
import { indent, table, wrap } from "./text.ts";

const PROGRAM = IS_DENO ? "deno run -A jsr:@codebook/vqmodel/cli" : "npx @codebook/vqmodel";

/** The help text of the program. */
export function help(commands: readonly Command[]): string {
  const usages = commands.map(({ usage, summary }) => [usage, summary] as const);
  const options = [
    ["-h, --help", "show this help; after a command, how to use it"],
    ["--version", "show the version"],
    [
      "--completions SHELL",
      "print the completions for bash, zsh or fish",
    ],
  ];
  return `Turns pictures into discrete tokens and back, with any VQModel that Diffusers saved, or a
checkpoint of the families that share its architecture.

Usage: ${PROGRAM} COMMAND ...

Commands:
${indent(table(usages))}

Options:
${indent(table(options))}

MODEL is OWNER/NAME on the Hub, or a directory: a VQModel, a pipeline with one, or a checkpoint.
It may also be one checkpoint's file: a path, a URL, or OWNER/NAME/PATH on the Hub. Pictures are
files or URLs: JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF; they are written as PNG or JPEG.`;
}

/** The width of the help text, which fits a terminal. */
const WIDTH = 80;

/** The width of descriptions beside the options, so that lines fit a terminal of 80 columns. */
const BESIDE = 56;

/** The help text of a command. */
export function helpOn({ summary, usage, options, own, details, examples = [] }: Command): string {
  const rows = options.flatMap((name) => {
    const { short, value, help }: Option = { ...OPTIONS, ...own }[name];
    const option = `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
    return wrap(help, BESIDE).map((line, i) => [i === 0 ? option : "", line]);
  });
  return `${summary}.

Usage: ${PROGRAM} ${usage}
${details === undefined ? "" : `\n${wrap(details, WIDTH).join("\n")}\n`}
Options:
${indent(table(rows))}` + (examples.length === 0 ? "" : `

Examples:
${indent(examples.map((example) => `${PROGRAM} ${example}`).join("\n"))}`);
}
