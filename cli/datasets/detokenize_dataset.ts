// deno-lint-ignore-file no-console
/**
 * Tokens of whole data sets to pictures.
 *
 * @module
 */

import process from "node:process";
import {
  type DatasetProgress,
  detokenizeDataset,
  type DetokenizedPicture,
  detokenizeFiles,
  listTokenFiles,
  pictureArchive,
  pictureFolder,
  type PicturesManifest,
  readTokenFiles,
} from "../../datasets/mod.ts";
import { printable, type VQModel } from "../../mod.ts";
import { checkDirectory, checkWritable } from "../files.ts";
import { ExitError } from "../process/exit_error.ts";
import { interruptible } from "../process/interrupt.ts";
import type { Options } from "../options.ts";
import { pixelRangeOf } from "../pictures.ts";
import { count, plural } from "../text.ts";
import { gridOf } from "../tokens.ts";
import { type LoadedEngines, loadEngines } from "./engines.ts";
import { progressView } from "./progress.ts";

/** Exit code if tokens could not be decoded. */
const FAILED_TOKENS = 3;
/** Side of pictures, of which the tokens tell nothing before the model is loaded. */
const LIKELY_SIDE = 256;

/** Turns the tokens of files and folders into pictures in a folder or an archive. */
export async function runDetokenizeDataset(
  modelName: string,
  inputs: readonly string[],
  output: string,
  options: Options,
): Promise<void> {
  const isArchive = /\.tar$/i.test(output);
  if (isArchive) await checkWritable(output);
  else await checkDirectory(output);
  await checkReadable(inputs, options);
  const view = progressView(options);
  let progress: DatasetProgress | undefined;
  const advice = () => `${plural(progress?.pictures ?? 0, "picture")} finished. Run the same command again to go on`;
  const manifest = await interruptible(async (signal) => {
    using engines = await loadDecoders(modelName, options);
    const place = isArchive ? pictureArchive(output) : pictureFolder(output);
    try {
      return await detokenizeFiles(engines, inputs.map(named), place, {
        ...detokenizeOptionsOf(engines.model, options),
        grid: gridOf(options.grid),
        verify: options.verify,
        signal,
        onProgress: (now) => view.show(progress = now),
      });
    } finally {
      view.stop();
    }
  }, advice);
  report(manifest, output, progress, options);
  const { pictures = 0, failures = 0 } = manifest;
  if (failures === 0) return;
  const list = isArchive ? `${output}.failures.jsonl` : `${output}/failures.jsonl`;
  throw new ExitError(
    `${count(failures)} of ${plural(pictures + failures, "record")} failed: see ${list}`,
    FAILED_TOKENS,
  );
}

function report(
  { pictures = 0, failures = 0 }: PicturesManifest,
  output: string,
  progress: DatasetProgress | undefined,
  { json, quiet }: Options,
): void {
  if (json) console.log(JSON.stringify({ status: "done", output, ...progress, pictures, failures }));
  else if (!quiet) console.log(`Wrote ${printable(output)}: ${plural(pictures, "picture")}`);
}

/** Checks, before a model is loaded, that the inputs are there, and tokens: a single one is opened. */
async function checkReadable(inputs: readonly string[], { grid }: Options): Promise<void> {
  const paths = inputs.filter((input) => input !== "-");
  const files = await listTokenFiles(paths);
  if (inputs.length > 1 || files.length !== 1) return;
  for await (const _ of readTokenFiles(paths, { grid: gridOf(grid) })) return;
}

/** Turns the tokens of files and folders into pictures by a name in which `%d` stands for their numbers. */
export async function runDetokenizeNumbered(
  modelName: string,
  inputs: readonly string[],
  output: string,
  options: Options,
): Promise<void> {
  await checkWritable(output.replaceAll("%d", "0"));
  await checkReadable(inputs, options);
  const tokens = readTokenFiles(inputs.map(named), { grid: gridOf(options.grid) });
  using engines = await loadDecoders(modelName, options);
  const decoded = detokenizeDataset(engines, tokens, detokenizeOptionsOf(engines.model, options));
  const pictures = await saveNumbered(decoded, output);
  if (!options.quiet) console.log(`Wrote ${printable(output)}: ${plural(pictures, "picture")}`);
}

function loadDecoders(name: string, options: Options): Promise<LoadedEngines> {
  return loadEngines(name, options, { only: "decoder", side: LIKELY_SIDE });
}

function detokenizeOptionsOf(model: VQModel, options: Options) {
  return {
    batch: options.batch === undefined ? undefined : Number(options.batch),
    doNormalize: pixelRangeOf(model, options) === "signed",
  };
}

function named(input: string) {
  return input === "-" ? { name: "standard input", stream: process.stdin } : input;
}

/** Saves pictures by a name in which `%d` stands for their numbers. Returns how many there are. */
async function saveNumbered(pictures: AsyncIterable<DetokenizedPicture>, output: string): Promise<number> {
  let number = 0;
  for await (const { picture } of pictures) {
    if (number > 0 && !output.includes("%d")) {
      throw new TypeError(
        `Cannot write several pictures to ${output}: put %d where their numbers go, as in -o picture-%d.png, or name a folder`,
      );
    }
    await picture.save(output.replaceAll("%d", `${number++}`));
  }
  return number;
}
