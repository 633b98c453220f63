// deno-lint-ignore-file no-console
/**
 * Files of tokens into one.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { mergeTokens, openTokenSet } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { type Command, UsageError } from "../arguments.ts";
import { DATASET_FORMATS, outputKindOf } from "../datasets/output_kind.ts";
import { checkWritable } from "../files.ts";
import { OPTIONS, type Options } from "../options.ts";
import { plural } from "../text.ts";
import { gridOf } from "../tokens.ts";

export const mergeCommand: Command = {
  summary: "Put the tokens of files and folders into one file, in any format",
  usage: "merge TOKENS... -o OUT",
  operands: ["TOKENS"],
  repeats: true,
  options: ["output", "format", "grid", "help"],
  own: {
    output: {
      ...OPTIONS.output,
      value: "OUT",
      help: "where to write: .tar, .parquet, .jsonl, .npy, .npz or .safetensors",
    },
    format: {
      ...OPTIONS.format,
      choices: DATASET_FORMATS,
      pattern: new RegExp(`^(${DATASET_FORMATS.join("|")})$`),
      takes: DATASET_FORMATS.join(", "),
      help: "the format of the file; default: by the extension of -o",
    },
  },
  details:
    "TOKENS is a folder of tokens, its manifest.json, or a file of tokens, of one model all. Of records with the same key " +
    "and tokens, the first is kept; with other tokens, a later one gets a number behind its key.",
  examples: ["merge tokens -o tokens.parquet", "merge day1 day2 t.npz -o all.tar"],
  run,
};

async function run(paths: readonly string[], options: Options): Promise<void> {
  const { output } = options;
  if (output === undefined) throw new UsageError("-o is needed: the file to write");
  const { kind, format } = await outputKindOf(output, options, false);
  if (kind !== "file") {
    throw new UsageError(`-o takes a .tar, .parquet, .jsonl, .npy, .npz or .safetensors, found "${output}"`);
  }
  await checkWritable(output);
  await checkNotTokenized(output);
  const grid = gridOf(options.grid);
  const files: string[] = [];
  for (const path of paths) files.push(...(await openTokenSet(path, { grid })).files);
  let [duplicates, renamed] = [0, 0];
  const { bytes } = await mergeTokens(files, output, {
    format,
    grid,
    onDuplicate: () => duplicates++,
    onRenamed: () => renamed++,
  });
  const notes = [
    ...(duplicates > 0 ? [`${plural(duplicates, "duplicate")} left out`] : []),
    ...(renamed > 0 ? [`${plural(renamed, "key")} that another picture has got a number`] : []),
  ];
  const written = [plural(files.length, "file"), plural(bytes, "byte"), ...notes].join(", ");
  console.log(`Wrote ${printable(output)}: ${written}`);
}

/** Checks that a file is not one that `tokenize` made and would continue. */
async function checkNotTokenized(output: string): Promise<void> {
  const manifest = `${output}.manifest.json`;
  if (!await stat(manifest).catch(() => undefined)) return;
  throw new RangeError(`Cannot write ${output}: tokenize wrote there, as ${manifest} says. Choose another name`);
}
