/**
 * The options of the command line.
 *
 * @module
 */

import { BYTES } from "./bytes.ts";

/** An option as `parseArgs` takes it, with its help text and its check. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** The name of its value in the help text. */
  readonly value?: string;
  /** What it does. */
  readonly help: string;
  /** The values that it takes, if not any, and their description. */
  readonly pattern?: RegExp;
  readonly takes?: string;
  /** Its possible values, where they can be listed. */
  readonly choices?: readonly string[];
}

/** An option with a few possible values. */
function oneOf(...choices: readonly string[]) {
  const quoted = choices.map((choice) => `"${choice}"`);
  return {
    type: "string",
    choices,
    pattern: new RegExp(`^(${choices.join("|")})$`),
    takes: `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`,
  } as const;
}

export const WHOLE = { type: "string", pattern: /^[1-9]\d*$/, takes: "a whole number ≥ 1" } as const;
const AMOUNT = { type: "string", pattern: /^[1-9]\d*(\.\d+)?(e\d+)?$/i, takes: "a number ≥ 1 such as 1e8" } as const;
export const SIDE = { ...WHOLE, value: "PIXELS" } as const;

export const OPTIONS = {
  output: {
    type: "string",
    short: "o",
    value: "FILE",
    help: "where to write the result, a .png or .jpg; default: not written",
    pattern: /./s,
    takes: "a path",
  },
  "side-by-side": { type: "boolean", help: "write original, token map and reconstruction in one picture" },
  height: { ...SIDE, help: "height to resize the picture to; alone, the aspect ratio is kept" },
  width: { ...SIDE, help: "width to resize the picture to; default: the picture's own size" },
  size: { ...SIDE, help: "height and width to resize the picture to" },
  crop: {
    ...oneOf("center", "adm", "fill", "none"),
    value: "NAME",
    help: 'how to make squares of --size: "center" cuts the middle out as torchvision does, "adm" as ADM and DiT; ' +
      '"fill" fits the picture in and extends its border; "none", the default, distorts it',
  },
  resample: {
    ...oneOf("lanczos", "bicubic", "bilinear", "box", "hamming", "nearest"),
    value: "NAME",
    help: 'how to resize: "lanczos", "bicubic", "bilinear", "box", "hamming" or "nearest"; default "lanczos", with ' +
      '--crop center "bicubic"',
  },
  "no-orientation": {
    type: "boolean",
    help: "do not turn pictures upright by their EXIF orientation",
  },
  "max-pixels": {
    ...AMOUNT,
    value: "COUNT",
    help: "the most pixels of a picture, before and after resizing; default: 67108864",
  },
  "memory-limit": {
    type: "string",
    value: "BYTES",
    help: "the most memory to use, weights included, such as 1.5e9, 512MB or 2GiB; takes longer; default: no limit",
    pattern: BYTES,
    takes: "bytes such as 1.5e9, 512MB or 2GiB",
  },
  tune: {
    type: "boolean",
    help: "first find the fastest kernels for this size on WebGPU, and save the findings in the cache",
  },
  rounds: { ...WHOLE, value: "COUNT", help: "number of runs to take the median of; default: 5" },
  grid: {
    type: "string",
    value: "HxW",
    help: "rows and columns of tokens, for files that do not state them",
    pattern: /^[1-9]\d*x[1-9]\d*$/,
    takes: "rows and columns such as 16x24",
  },
  range: {
    ...oneOf("-1,1", "0,1"),
    value: "LOW,HIGH",
    help: 'pixel values, "-1,1" or "0,1"; default: those of the model, see info',
  },
  device: {
    ...oneOf("auto", "webgpu", "wasm"),
    value: "NAME",
    help: 'where to compute: "webgpu", "wasm", or "auto" for a GPU if there is one, else the CPU; default "auto"',
  },
  dtype: {
    ...oneOf("float32", "float16"),
    value: "NAME",
    help: 'element type on the device: "float32", or on a GPU "float16" for half the memory; default "float32"',
  },
  threads: { ...WHOLE, value: "COUNT", help: "number of threads of the CPU engine; default: all of the machine's" },
  "no-restart": {
    type: "boolean",
    help: "do not start again with V8's flag for 256-bit vectors, which make the CPU engine faster",
  },
  subfolder: {
    type: "string",
    value: "NAME",
    help: "the folder of MODEL that holds the model; default: found automatically",
  },
  revision: { type: "string", value: "NAME", help: 'branch, tag or commit on the Hub; default "main"' },
  variant: {
    type: "string",
    value: "NAME",
    help: 'which weights: "fp16" for diffusion_pytorch_model.fp16.safetensors',
  },
  file: { type: "string", value: "NAME", help: "which checkpoint, if MODEL holds several" },
  config: {
    type: "string",
    value: "FILE",
    help: "the configuration of a MODEL that is a file, a YAML or JSON file; default: that beside it",
  },
  codes: {
    type: "string",
    value: "FIRST-LAST",
    help: "which codes; default: all",
    pattern: /^\d{1,9}-\d{1,9}$/,
    takes: "the first and the last code, as in 0-1023",
  },
  format: {
    ...oneOf("tar", "parquet", "jsonl", "npy", "npz", "safetensors", "json", "pt"),
    value: "NAME",
    help: 'the format of the tokens; default: by the extension of -o, and "tar" in a folder',
  },
  augment: {
    ...oneOf("hflip"),
    value: "NAME",
    help: '"hflip" also tokenizes each picture mirrored, as KEY_hflip',
    takes: '"hflip"',
  },
  batch: {
    ...WHOLE,
    value: "COUNT",
    help: "number of pictures per batch; default: 1 or 4 on a CPU, as the first ones show, up to 8 on a GPU",
  },
  "shard-size": { ...WHOLE, value: "COUNT", help: "number of pictures per shard of loose files; default: 1000" },
  "retry-failures": { type: "boolean", help: "try pictures and archives again that failed in an earlier run" },
  verify: { type: "boolean", help: "check finished shards by their hash; default: by their size" },
  queue: {
    type: "string",
    value: "ADDRESS",
    help: "compute on workers: a queue on a NATS server with JetStream, as nats://HOST:4222/NAME",
  },
  watch: {
    type: "boolean",
    help: "with --queue: show what the workers do, and complete the data set when they are done",
  },
  redelivery: {
    ...WHOLE,
    value: "SECONDS",
    help: "with --queue: silence of a worker after which its shard goes to another; default: 30",
  },
  keep: { type: "boolean", help: "wait for more jobs when there are none; default: end" },
  quiet: { type: "boolean", short: "q", help: "print nothing but errors" },
  json: { type: "boolean", help: "print JSON" },
  yes: { type: "boolean", short: "y", help: "do not ask" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies Record<string, Option>;

/** The name of an option. */
export type OptionName = keyof typeof OPTIONS;

/** The given options. */
export type Options = { [K in OptionName]?: (typeof OPTIONS)[K]["type"] extends "string" ? string : boolean };

/** The options for loading a model, which every command does. */
export const LOADING = [
  "device",
  "dtype",
  "threads",
  "subfolder",
  "revision",
  "variant",
  "file",
  "config",
  "help",
] as const;

/** The options of commands that run a model. */
export const COMPUTING = ["memory-limit", "no-restart", ...LOADING] as const;

/** The options for whole data sets. */
export const WHOLE_DATASETS = [
  "format",
  "shard-size",
  "batch",
  "augment",
  "retry-failures",
  "verify",
  "queue",
  "watch",
  "redelivery",
  "json",
  "quiet",
] as const;

/** The options of commands that read pictures. */
export const READING = ["height", "width", "size", "crop", "resample", "no-orientation", "max-pixels"] as const;
