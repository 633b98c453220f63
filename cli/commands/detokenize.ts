// deno-lint-ignore-file no-console
/**
 * Tokens to pictures: of one file, or whole data sets.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import process from "node:process";
import { arrayBuffer } from "node:stream/consumers";
import { type Command, UsageError } from "../arguments.ts";
import { COMPUTING, OPTIONS, type Options } from "../options.ts";
import { toSample } from "../conversion.ts";
import { runDetokenizeDataset, runDetokenizeNumbered } from "../datasets/detokenize_dataset.ts";
import { load } from "../models.ts";
import { pictureOutputOf } from "../output.ts";
import { processorFor } from "../pictures.ts";
import { gridOf, namesOf } from "../tokens.ts";
import { printable, readTokens } from "../../mod.ts";

export const detokenizeCommand: Command = {
  summary: "Turn tokens from files, or from standard input with -, into pictures",
  usage: "detokenize MODEL TOKENS... -o OUT",
  operands: ["MODEL", "TOKENS"],
  repeats: true,
  options: ["output", "grid", "batch", "verify", "json", "quiet", "range", ...COMPUTING],
  own: {
    output: {
      ...OPTIONS.output,
      value: "OUT",
      help:
        "a folder for pictures named by their keys, or a .tar archive of them; or one picture, .png or .jpg, in whose " +
        "name %d stands for numbers if there are several: picture-%d.png",
    },
    verify: { ...OPTIONS.verify, help: "decode finished pictures to check them; default: by their size and end" },
    json: { ...OPTIONS.json, help: "print progress and the result as lines of JSON on standard output" },
  },
  details:
    "TOKENS is a file of tokens, .tar, .parquet, .jsonl, .json, .npy, .npz, .safetensors or .pt, of this program or of " +
    "Python; a folder of them; or -, the same from standard input. Arrays are of integers, [n, h, w] or [h, w]; with " +
    "--grid also [n, h * w], [n * h * w] or [h * w]. In a folder or an archive, the same command goes on where another " +
    "run ended.",
  examples: [
    "detokenize MODEL tokens -o pictures",
    "detokenize MODEL t.npy --grid 8x8 -o out",
    "detokenize MODEL t.npz -o p-%d.png",
  ],
  run: detokenize,
};

/** Formats that hold one batch of tokens. */
const BATCH = /^-$|\.(json|npy|npz|safetensors|pt|pth)$|(^|[\\/])[^.\\/]*$/i;

async function detokenize([source, ...inputs]: readonly string[], options: Options): Promise<void> {
  const { output } = options;
  if (output === undefined) throw new UsageError("-o is needed: the file or folder to write");
  const isPicture = /\.(png|jpe?g)$/i.test(output);
  const isOther = !isPicture && /[^/\\]\.(?!tar$)[^./\\]+$/i.test(output) && !await isFolder(output);
  if (isOther || isPicture && inputs.length === 1 && BATCH.test(inputs[0]) && !await isFolder(inputs[0])) {
    return await detokenizeBatch(source, inputs[0], options);
  }
  if (isPicture) await runDetokenizeNumbered(source, inputs, output, options);
  else await runDetokenizeDataset(source, inputs, output, options);
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then((found) => found.isDirectory(), () => false);
}

/** Turns a file with one batch of tokens into pictures. */
async function detokenizeBatch(source: string, path: string, options: Options): Promise<void> {
  const output = await pictureOutputOf(options);
  const isPiped = path === "-";
  const name = isPiped ? "standard input" : path;
  const file = isPiped ? await arrayBuffer(process.stdin) : path;
  const tokens = await readTokens(file, { name, grid: gridOf(options.grid) });
  const names = namesOf(output, tokens.shape[0], name);
  using model = await load(source, options, { only: "decoder" });
  using decoded = await toSample(model, tokens);
  const pictures = await processorFor(model, options).postprocess(decoded);
  for (const [i, picture] of pictures.entries()) {
    await picture.save(names[i]);
    const { width, height } = picture;
    if (options.json) console.log(JSON.stringify({ status: "done", output: names[i], width, height }));
    else if (!options.quiet) console.log(`Wrote ${printable(names[i])}: ${width}×${height}`);
  }
}
