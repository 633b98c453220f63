// deno-lint-ignore-file no-console
/**
 * Whole data sets to tokens.
 *
 * @module
 */

import {
  type DatasetFormat,
  type DatasetProgress,
  type DatasetSource,
  fileSink,
  folderSink,
  type Manifest,
  tokenizeDataset,
  type TokenizeDatasetOptions,
  type TokenSink,
} from "../../datasets/mod.ts";
import { printable, type Resample, type TokenDType, type VQModel } from "../../mod.ts";
import { ExitError } from "../process/exit_error.ts";
import { interruptible } from "../process/interrupt.ts";
import type { Options } from "../options.ts";
import { processorOptionsOf, sizeOf } from "../pictures.ts";
import { count, plural } from "../text.ts";
import { dtypesOf } from "../tokens.ts";
import { loadEngines } from "./engines.ts";
import { progressView } from "./progress.ts";

/** Exit code if pictures failed, or archives could not be read. */
const FAILED_PICTURES = 3;

/** Where the tokens of a data set go. */
export interface DatasetOutput {
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly format: DatasetFormat;
}

/** Tokenizes a data set, with progress and a summary. */
export async function runTokenizeDataset(
  modelName: string,
  source: DatasetSource,
  output: DatasetOutput,
  options: Options,
): Promise<void> {
  const { path, kind } = output;
  const sink = sinkOf(output);
  const view = progressView(options);
  let progress: DatasetProgress | undefined;
  const advice = () => {
    const shards = progress ? `${count(progress.shards)} of ${count(progress.totalShards)} shards are` : "nothing is";
    return `${shards} finished. Run the same command again to go on`;
  };
  const manifest = await interruptible(async (signal) => {
    using engines = await loadEngines(modelName, { ...options, dtype: dtypesOf(options.dtype).computed }, {
      only: "encoder",
      side: sideOf(options),
    });
    try {
      return await tokenizeDataset(engines, source, sink, {
        ...tokenizeOptionsOf(engines.model, options),
        signal,
        onProgress: (now) => view.show(progress = now),
      });
    } finally {
      view.stop();
    }
  }, advice);
  const { pictures, tokens, failures } = totalsOf(manifest);
  if (options.json) {
    const { unread } = manifest;
    console.log(JSON.stringify({ status: "done", output: path, ...progress, pictures, tokens, failures, unread }));
  } else if (!options.quiet) console.log(`Wrote ${printable(path)}: ${summaryOf(manifest, kind)}`);
  const failed = failuresOf(manifest, source.shards.length);
  if (failed.length === 0) return;
  const list = kind === "folder" ? `${path}/failures.jsonl` : `${path}.failures.jsonl`;
  throw new ExitError(`${failed.join("; ")}: see ${list}; --retry-failures tries them again`, FAILED_PICTURES);
}

/** The side of the pictures, or what is likely. */
export function sideOf({ size, height, width }: Options): number {
  return Number(size ?? height ?? width ?? 256);
}

/** What failed, in words. */
function failuresOf(manifest: Manifest, shards: number): string[] {
  const { unread = [] } = manifest;
  const { pictures, failures } = totalsOf(manifest);
  return [
    ...(failures > 0 ? [`${count(failures)} of ${count(pictures + failures)} pictures failed`] : []),
    ...(unread.length > 0 ? [`${count(unread.length)} of ${plural(shards, "shard")} could not be read`] : []),
  ];
}

/** Where the library writes. */
export function sinkOf({ path, kind, format }: DatasetOutput): TokenSink {
  return kind === "folder" ? folderSink(path, { format }) : fileSink(path, { format });
}

/** The options of the library for those of the command line. */
export function tokenizeOptionsOf(model: VQModel, options: Options): TokenizeDatasetOptions {
  const { batch, augment } = options;
  return {
    ...processorOptionsOf(model, options),
    ...sizeOf(options),
    resample: options.resample as Resample | undefined,
    augment: augment as "hflip" | undefined,
    batch: batch === undefined ? undefined : Number(batch),
    dtype: dtypesOf(options.dtype).stored as TokenDType | undefined,
    retryFailures: options["retry-failures"],
    verify: options.verify,
  };
}

function totalsOf({ shards }: Manifest) {
  const sum = (name: "pictures" | "tokens" | "failures") => shards.reduce((sum, shard) => sum + shard[name], 0);
  return { pictures: sum("pictures"), tokens: sum("tokens"), failures: sum("failures") };
}

/** Numbers of shards, pictures and tokens; and the size of the grid, if it is the same for all. */
function summaryOf(manifest: Manifest, kind: "file" | "folder"): string {
  const { shards } = manifest;
  const { pictures, tokens } = totalsOf(manifest);
  const grids = new Set(shards.map(({ shape }) => shape && `${shape[1]}×${shape[0]}`));
  const [grid] = grids.size === 1 ? grids : [];
  return [
    ...(kind === "folder" ? [plural(shards.length, "shard")] : []),
    plural(pictures, "picture"),
    plural(tokens, "token"),
    ...(grid ? [grid] : []),
  ].join(", ");
}
