/**
 * Loading and describing models.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type Device, type FamilyConfig, type LoadOptions, printable, VQModel } from "../mod.ts";
import { UsageError } from "./arguments.ts";
import type { Options } from "./options.ts";
import { isUrl, pixelRangeOf } from "./pictures.ts";
import { describeVectors } from "./process/restart.ts";
import { rewriteLine, showLoading, WATCHED } from "./terminal.ts";
import { bytesOf } from "./bytes.ts";
import { count, indent, table } from "./text.ts";

/** Options that choose among the files of a directory or repository. */
const CHOOSING = ["subfolder", "variant", "file"] as const;

/** How a command loads a model. */
type LoadingOptions = Pick<LoadOptions, "only" | "onProgress" | "signal">;

/** Loads a model, or the half that a command needs, with progress if standard error is a terminal. */
export async function load(
  source: string,
  options: Options,
  { onProgress = WATCHED ? showLoading : undefined, ...loading }: LoadingOptions = {},
): Promise<VQModel> {
  const { device, dtype, threads, revision, subfolder, variant, file, config } = options;
  const memoryLimit = options["memory-limit"];
  const common = {
    device: device as Device | undefined,
    dtype: dtype as "float32" | "float16" | undefined,
    threads: threads === undefined ? undefined : Number(threads),
    memoryLimit: memoryLimit === undefined ? undefined : bytesOf(memoryLimit),
    revision,
    onProgress,
    ...loading,
  };
  const isFile = await isSingleFile(source);
  const needless = isFile ? CHOOSING.find((name) => options[name] !== undefined) : config && "config";
  if (needless) {
    throw new UsageError(
      `--${needless} is for ${isFile ? "directories and repositories" : "files"}, found "${source}"`,
    );
  }
  try {
    return isFile
      ? await VQModel.fromSingleFile(source, { ...common, config })
      : await VQModel.fromPretrained(source, { ...common, subfolder, variant, file });
  } finally {
    if (WATCHED) rewriteLine("");
  }
}

/** Whether MODEL is a file: one that exists, a URL, or what has a checkpoint's name and is no repository's. */
export async function isSingleFile(model: string): Promise<boolean> {
  if (/^https?:/i.test(model)) return true;
  const there = await stat(isUrl(model) ? new URL(model) : model).catch(() => undefined);
  if (there) return there.isFile();
  return /\.(ckpt|pt|pth|bin|safetensors|index\.json)$/.test(model) && model.split("/").length !== 2;
}

/** Loads a model, and describes it and what of its checkpoint was ignored. */
export async function describe(source: string, options: Options): Promise<string> {
  let ignored: readonly string[] = [];
  using model = await load(source, options, {
    onProgress(progress) {
      if (progress.status === "ignored") ignored = progress.tensors!;
      else if (WATCHED) showLoading(progress);
    },
  });
  const { config, downsamplingFactor: side } = model;
  const rows = [
    ["engine", engineOf(model)],
    ...(model.device === "wasm" ? [["CPU", `${threadsOf(options)}, ${await describeVectors(source)}`]] : []),
    ["parameters", count(model.numParameters())],
    ["factor", `${side}, one token for ${side}×${side} pixels`],
    [
      "codebook",
      `${count(config.num_vq_embeddings)} codes of ${config.vq_embed_dim ?? config.latent_channels} numbers`,
    ],
    ["pixel values", pixelRangeOf(model, options) === "signed" ? "-1 to 1" : "0 to 1"],
  ];
  if (config.family) rows.push(["family", config.family.name], ["quantizer", QUANTIZERS[config.family.quantizer]]);
  if (ignored.length > 0) rows.push(["ignored", someOf(ignored)]);
  const settings = Object.entries(config).map(([key, value]) => [key, printable(JSON.stringify(value))]);
  return `${table(rows)}\n\n${config.family ? "configuration" : "config.json"}\n${indent(table(settings))}`;
}

/** How many threads the CPU engine has. */
function threadsOf({ threads = `${availableParallelism()}` }: Options): string {
  return `${threads} thread${threads === "1" ? "" : "s"}`;
}

/** Which code a latent gets. */
const QUANTIZERS: Record<FamilyConfig["quantizer"], string> = {
  nearest: "the nearest code",
  unit_vectors: "the nearest code by angle",
  inner_product: "the code of the greatest inner product",
  signs: "the signs of the latent",
};

/** How many tensors there are, and the first names. */
function someOf(tensors: readonly string[]): string {
  const shown = tensors.slice(0, 5).map((name) => printable(name).slice(0, 60));
  const names = shown.join(", ") + (tensors.length > shown.length ? ", …" : "");
  return `${count(tensors.length)} tensor${tensors.length === 1 ? "" : "s"}: ${names}`;
}

/** Which engine computes, and in which element type. */
export function engineOf({ device, dtype }: VQModel): string {
  return `${device}, ${dtype}`;
}
