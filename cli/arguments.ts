/**
 * The grammar of the command line: its options, the parsing and checking of arguments, and the text of `--help`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { nearestName, printable } from "../mod.ts";
import { BYTES } from "./bytes.ts";
import { indent, oneLine, table, wrap } from "./text.ts";

const PROGRAM = "deno run -A jsr:@codebook/vqmodel/cli";

/** An option as `parseArgs` takes it, with its help text and its check. */
interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** The name of its value in the help text. */
  readonly value?: string;
  /** What it does. */
  readonly help: string;
  /** The values that it takes, if not any, and their description. */
  readonly pattern?: RegExp;
  readonly takes?: string;
}

const WHOLE = { type: "string", pattern: /^[1-9]\d*$/, takes: "a whole number ≥ 1" } as const;
const AMOUNT = { type: "string", pattern: /^[1-9]\d*(\.\d+)?(e\d+)?$/i, takes: "a number ≥ 1 such as 1e8" } as const;
const SIDE = { ...WHOLE, value: "PIXELS" } as const;

const OPTIONS = {
  output: {
    type: "string",
    short: "o",
    value: "FILE",
    help: "where to write the result, a .png or .jpg; default: not written",
  },
  "side-by-side": { type: "boolean", help: "write original, token map and reconstruction in one picture" },
  height: { ...SIDE, help: "height to resize the picture to; alone, the aspect ratio is kept" },
  width: { ...SIDE, help: "width to resize the picture to; default: the picture's own size" },
  size: { ...SIDE, help: "height and width to resize the picture to" },
  crop: {
    type: "string",
    value: "NAME",
    help:
      'cut a square of --size out of the middle: "center" as torchvision does, "adm" as ADM and DiT; default: no crop',
    pattern: /^(center|adm)$/,
    takes: '"center" or "adm"',
  },
  resample: {
    type: "string",
    value: "NAME",
    help: 'how to resize: "lanczos", "bicubic", "bilinear", "box", "hamming" or "nearest"; default "lanczos", with ' +
      '--crop center "bicubic"',
    pattern: /^(lanczos|bicubic|bilinear|box|hamming|nearest)$/,
    takes: '"lanczos", "bicubic", "bilinear", "box", "hamming" or "nearest"',
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
    type: "string",
    value: "LOW,HIGH",
    help: 'pixel values, "-1,1" or "0,1"; default: those of the model, see info',
    pattern: /^(-1|0),1$/,
    takes: '"-1,1" or "0,1"',
  },
  device: {
    type: "string",
    value: "NAME",
    help: 'where to compute: "webgpu", "wasm", or "auto" for a GPU if there is one, else the CPU; default "auto"',
    pattern: /^(auto|webgpu|wasm)$/,
    takes: '"auto", "webgpu" or "wasm"',
  },
  dtype: {
    type: "string",
    value: "NAME",
    help: 'element type on the device: "float32", or on a GPU "float16" for half the memory; default "float32"',
    pattern: /^float(32|16)$/,
    takes: '"float32" or "float16"',
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
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies Record<string, Option>;

/** The name of an option. */
type OptionName = keyof typeof OPTIONS;

/** The given options. */
export type Options = { [K in OptionName]?: (typeof OPTIONS)[K]["type"] extends "string" ? string : boolean };

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
  readonly run: (operands: readonly string[], options: Options) => Promise<void>;
}

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

/** The options of commands that read pictures. */
export const READING = ["height", "width", "size", "crop", "resample", "no-orientation", "max-pixels"] as const;

/** The size that `profile` measures. */
export const PROFILED_SIZE = { size: { ...SIDE, help: "both sides of the picture; default: 256" } } as const;

/** Where and in which element type `tokenize` writes. */
export const TOKEN_OUTPUT = {
  output: {
    ...OPTIONS.output,
    help: "where to write the tokens: .json, .npy, .npz, .safetensors, .pt or .pth; or - for JSON on standard output",
  },
  dtype: {
    ...OPTIONS.dtype,
    help:
      'element type on the device, "float32" or "float16", or of the file, "uint8", "int8", … "int64", by default the ' +
      'smallest that holds the codebook; or both, "float16,int64"',
    pattern: /^(float(32|16)|(float(32|16),)?u?int(8|16|32|64))$/,
    takes: '"float32" or "float16", and "uint8" to "int64" for the file, as in "float16,int64"',
  },
} as const;

/** Where `detokenize` writes. */
export const PICTURE_OUTPUT = {
  output: {
    ...OPTIONS.output,
    help: "where to write the picture; for several pictures, %d in the name stands for their numbers: picture-%d.png",
  },
} as const;

/** Where `convert` writes. */
export const DIRECTORY_OUTPUT = {
  output: {
    ...OPTIONS.output,
    value: "DIR",
    help: "where to write config.json and the weights, in float32; a model that is there is replaced",
  },
} as const;

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
    const [name] = command.usage.split(" ");
    const unknown = /^Unknown option '--?([^'=]+)/.exec(problem)?.[1];
    const nearest = unknown && nearestName(unknown, command.options);
    throw new UsageError(`${problem}: ${nearest ? `did you mean --${nearest}?` : `see ${name} --help`}`, { cause });
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

/** The help text of the program. */
export function help(commands: readonly Command[]): string {
  const usages = commands.map(({ usage, summary }) => [usage, summary] as const);
  const options = [["-h, --help", "show this help; after a command, how to use it"], ["--version", "show the version"]];
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

/** The width of descriptions beside the options, so that lines fit a terminal of 80 columns. */
const BESIDE = 56;

/** The help text of a command. */
export function helpOn({ summary, usage, options, own }: Command): string {
  const rows = options.flatMap((name) => {
    const { short, value, help }: Option = { ...OPTIONS, ...own }[name];
    const option = `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
    return wrap(help, BESIDE).map((line, i) => [i === 0 ? option : "", line]);
  });
  return `${summary}.

Usage: ${PROGRAM} ${usage}

Options:
${indent(table(rows))}`;
}
