// deno-lint-ignore-file no-console
/**
 * Pictures to tokens: one, several of one size, or whole data sets.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { type Command, UsageError } from "../arguments.ts";
import { COMPUTING, OPTIONS, type Options, READING, WHOLE_DATASETS } from "../options.ts";
import { toTokens } from "../conversion.ts";
import { outputKindOf } from "../datasets/output_kind.ts";
import { runOnWorkers } from "../datasets/run_on_workers.ts";
import { runTokenizeDataset } from "../datasets/tokenize_dataset.ts";
import { load } from "../models.ts";
import { outputOf } from "../output.ts";
import { checkPictures, checkSizes, isUrl, preprocess, processorFor } from "../pictures.ts";
import { count } from "../text.ts";
import { dtypesOf } from "../tokens.ts";
import { openSource } from "../../datasets/mod.ts";
import { encodeTokens, printable, saveTokens, type TokenDType, type TokenFormat } from "../../mod.ts";

export const tokenizeCommand: Command = {
  summary: "Turn pictures, or whole data sets of them, into tokens",
  usage: "tokenize MODEL INPUT... -o OUT",
  operands: ["MODEL", "INPUT"],
  repeats: true,
  options: ["output", ...READING, ...WHOLE_DATASETS, "range", ...COMPUTING],
  own: {
    output: {
      ...OPTIONS.output,
      value: "OUT",
      help:
        "a folder for shards of tokens, or a file: .tar, .parquet, .jsonl, .npy, .npz or .safetensors; .json, .pt or " +
        ".pth for a few pictures; or - for JSON on standard output",
    },
    dtype: {
      ...OPTIONS.dtype,
      help:
        'element type on the device, "float32" or "float16", or of the file, "uint8", "int8", … "int64", by default the ' +
        'smallest that holds the codebook; or both, "float16,int64"',
      pattern: /^(float(32|16)|(float(32|16),)?u?int(8|16|32|64))$/,
      takes: '"float32" or "float16", and "uint8" to "int64" for the file, as in "float16,int64"',
    },
    json: { ...OPTIONS.json, help: "print progress and the result as lines of JSON on standard output" },
  },
  details:
    'INPUT is a picture, a folder of pictures, a glob such as "pics/**/*.jpg", a WebDataset .tar or a .parquet file of ' +
    'pictures, a URL (https: or hf://datasets/OWNER/NAME/PATH), with braces such as "train-{000..099}.tar", or @LIST: a ' +
    "text file with an input on each line. Lines of a list are relative to its folder, or else to the working directory; " +
    "empty lines and those that begin with # are left out (a file of such a name is ./#name).",
  examples: [
    "tokenize MODEL pics --size 256 -o tokens",
    'tokenize MODEL "*.tar" -o out.parquet',
  ],
  run: tokenize,
};

async function tokenize([model, ...inputs]: readonly string[], options: Options): Promise<void> {
  const { output } = options;
  if (output === undefined) throw new UsageError("-o is needed: the file or folder to write");
  const isOne = inputs.length === 1 && await isPicture(inputs[0]);
  const { kind, format } = await outputKindOf(output, options, isOne);
  checkSizes(options);
  if (kind === "tokens") return await tokenizeFew(model, inputs, format, options);
  const source = await openSource(inputs, { shardSize: Number(options["shard-size"] ?? 1000) });
  const job = { model, inputs, output: { path: output, kind, format }, options };
  if (options.queue !== undefined && !await runOnWorkers(options.queue, job, source)) return;
  await runTokenizeDataset(model, source, job.output, options);
}

/** Whether an input is one picture, and not a folder, an archive, a glob or a list. */
async function isPicture(input: string): Promise<boolean> {
  if (/\.(tar|tar\.gz|tgz|parquet)([?#].*)?$/i.test(input) || /^hf:/i.test(input)) return false;
  if (isUrl(input)) return true;
  return await stat(input).then((found) => found.isFile(), () => !/^@|[*?[{]/.test(input));
}

/** Options for whole data sets that are also for a few pictures. */
const FOR_ANY: readonly string[] = ["format", "quiet"];

/** Tokenizes pictures of one size, all at once. */
async function tokenizeFew(
  source: string,
  paths: readonly string[],
  format: TokenFormat,
  options: Options,
): Promise<void> {
  const needless = WHOLE_DATASETS.find((name) => !FOR_ANY.includes(name) && options[name] !== undefined);
  if (needless) throw new UsageError(`--${needless} is for whole data sets: write them to a folder, or to a .tar file`);
  const isPiped = options.output === "-";
  for (const path of paths) {
    if (await isPicture(path)) continue;
    const advice = "For whole data sets, name a folder, or a file in another format, such as .jsonl";
    throw new UsageError(`-o ${options.output} takes pictures, found "${path}". ${advice}`);
  }
  const output = isPiped ? "" : await outputOf(options);
  const { computed, stored } = dtypesOf(options.dtype);
  const dtype = stored as TokenDType | undefined;
  encodeTokens({ indices: [0], shape: [1, 1, 1] }, format, { dtype }); // fails before anything is computed if the format does not have the dtype
  await checkPictures(paths, options);
  using model = await load(source, { ...options, dtype: computed }, { only: "encoder" });
  using sample = await preprocess(processorFor(model, options), paths, options);
  const tokens = { ...await toTokens(model, sample), codebook: await model.codebook() };
  const [, , height, width] = sample.shape;
  const written = { dtype, picture: { width, height } };
  if (isPiped) return console.log(new TextDecoder().decode(encodeTokens(tokens, format, written)).trimEnd());
  await saveTokens(tokens, output, written);
  if (options.quiet) return;
  const [, h, w] = tokens.shape;
  const pictures = paths.length > 1 ? `${paths.length} pictures, ` : "";
  console.log(`Wrote ${printable(output)}: ${pictures}${count(tokens.indices.length)} tokens, ${w}×${h}`);
}
