// deno-lint-ignore-file no-console
/**
 * The command line: pictures to tokens and back.
 *
 * ```sh
 * deno run -A jsr:@codebook/vqmodel/cli reconstruct MODEL picture.png -o out.png
 * ```
 *
 * `--help` lists the commands, and after a command its options. Results go to standard output, progress and errors to
 * standard error. The exit code is 0, or 1 where something failed, or 2 where the arguments were wrong.
 *
 * @module
 */

import {
  type Command,
  help,
  helpOn,
  LOADING,
  type Options,
  parseArguments,
  PICTURE_OUTPUT,
  TOKEN_OUTPUT,
  UsageError,
} from "./cli/arguments.ts";
import { checkWritable, writeWhole } from "./cli/files.ts";
import { count, indent, oneLine, seconds, table } from "./cli/text.ts";
import { dtypesOf, gridOf, namesOf } from "./cli/tokens.ts";
import deno from "./deno.json" with { type: "json" };
import {
  describeReconstruction,
  type Device,
  encodeTokens,
  ImageProcessor,
  type Picture,
  pictureFormatOf,
  printable,
  type Progress,
  readTokens,
  sideBySide,
  Tensor,
  type TokenDType,
  tokenFormatOf,
  tokenMap,
  type Tokens,
  type VQConfig,
  VQModel,
} from "./mod.ts";

const COMMANDS: Record<string, Command> = {
  info: {
    summary: "Show what a model is",
    usage: "info MODEL",
    operands: ["MODEL"],
    options: LOADING,
    run: info,
  },
  reconstruct: {
    summary: "Turn a picture into tokens and back, and measure what is lost",
    usage: "reconstruct MODEL PICTURE [-o OUT.png]",
    operands: ["MODEL", "PICTURE"],
    options: ["output", "side-by-side", "height", "width", "range", ...LOADING],
    run: reconstruct,
  },
  tokenize: {
    summary: "Turn pictures of one size into tokens",
    usage: "tokenize MODEL PICTURE... -o TOKENS.npz",
    operands: ["MODEL", "PICTURE"],
    repeats: true,
    options: ["output", "height", "width", "range", ...LOADING],
    own: TOKEN_OUTPUT,
    run: tokenize,
  },
  detokenize: {
    summary: "Turn tokens of a file, or with - of standard input, into pictures",
    usage: "detokenize MODEL TOKENS -o PICTURE.png",
    operands: ["MODEL", "TOKENS"],
    options: ["output", "grid", "range", ...LOADING],
    own: PICTURE_OUTPUT,
    run: detokenize,
  },
  profile: {
    summary: "Measure every op of a model, from picture to tokens and back",
    usage: "profile MODEL",
    operands: ["MODEL"],
    options: ["size", "tune", "rounds", ...LOADING],
    run: profile,
  },
};

/** Does what the arguments say, and returns the exit code. */
async function main(args: string[]): Promise<number> {
  try {
    await runCommand(args);
    return 0;
  } catch (error) {
    console.error(isDebugging() ? error : `error: ${printable(oneLine(error))}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function runCommand([name, ...args]: string[]): Promise<void> {
  if (name === "--help" || name === "-h") return console.log(help(Object.values(COMMANDS)));
  if (name === "--version") return console.log(deno.version);
  if (!Object.hasOwn(COMMANDS, name ?? "")) {
    const found = name === undefined ? "no command" : `unknown command "${name}"`;
    throw new UsageError(`${found}: expected ${Object.keys(COMMANDS).join(", ")} or --help`);
  }
  const command = COMMANDS[name];
  const { operands, options } = parseArguments(command, args);
  if (options.help) return console.log(helpOn(command));
  await command.run(operands, options);
}

async function info([source]: readonly string[], options: Options): Promise<void> {
  using model = await load(source, options);
  const { config, downsamplingFactor: side } = model;
  const codes = config.num_vq_embeddings;
  console.log(table([
    ["engine", engineOf(model)],
    ["parameters", count(model.numParameters())],
    ["factor", `${side}, one token for ${side}×${side} pixels`],
    ["codebook", `${count(codes)} codes of ${config.vq_embed_dim ?? config.latent_channels} numbers`],
    ["pixel values", isSigned(config, options) ? "-1 to 1" : "0 to 1"],
  ]));
  console.log("\nconfig.json");
  console.log(indent(table(Object.entries(config).map(([key, value]) => [key, printable(JSON.stringify(value))]))));
}

async function reconstruct([source, path]: readonly string[], options: Options): Promise<void> {
  const isWritten = options.output !== undefined || options["side-by-side"];
  const output = isWritten ? await pictureOutputOf(options) : undefined;
  const bytes = await Deno.readFile(path);
  using model = await load(source, options);
  const processor = processorFor(model, options);

  using sample = await processor.preprocess(bytes, sizeOf(options));
  const [original] = await processor.postprocess(sample);
  const started = performance.now();
  const tokens = await model.tokenize(sample);
  const tokenized = performance.now();
  const reconstruction = await toPicture(model, processor, tokens);
  const detokenized = performance.now();

  const codes = model.config.num_vq_embeddings;
  const report = describeReconstruction(original, reconstruction, { tokens, codes });
  const [height, width] = report.grid;
  console.log(table([
    ["engine", engineOf(model)],
    ["picture", `${original.width}×${original.height}`],
    ["token grid", `${width}×${height}`],
    ["tokens", count(report.tokens)],
    ["distinct codes", `${count(report.distinctCodes)} of ${count(codes)}`],
    ["bits per pixel", report.bitsPerPixel.toFixed(3)],
    ["PSNR", `${report.psnr.toFixed(2)} dB`],
    ["time", `${seconds(tokenized - started)} to tokens, ${seconds(detokenized - tokenized)} to pixels`],
  ]));

  if (output === undefined) return;
  const map = tokenMap(tokens.indices, report.grid);
  const result = options["side-by-side"] ? sideBySide([original, map, reconstruction]) : reconstruction;
  await result.save(output);
  console.log(`Wrote ${output}`);
}

async function tokenize([source, ...paths]: readonly string[], options: Options): Promise<void> {
  const isPiped = options.output === "-";
  const output = isPiped ? "" : await outputOf(options);
  const format = isPiped ? "json" : tokenFormatOf(output);
  const { computed, stored } = dtypesOf(options.dtype);
  const dtype = stored as TokenDType | undefined;
  encodeTokens({ indices: [0], shape: [1, 1, 1] }, format, { dtype }); // whether it takes the dtype is said before anything is computed
  const files = await Promise.all(paths.map((path) => Deno.readFile(path)));
  using model = await load(source, { ...options, dtype: computed });
  using sample = await processorFor(model, options).preprocess(files, sizeOf(options));
  const tokens = { ...await model.tokenize(sample), codebook: await model.codebook() };
  const [, , height, width] = sample.shape;
  const file = encodeTokens(tokens, format, { dtype, picture: { width, height } });
  if (isPiped) return console.log(new TextDecoder().decode(file).trimEnd());
  await writeWhole(output, file);
  const [, h, w] = tokens.shape;
  const pictures = paths.length > 1 ? `${paths.length} pictures, ` : "";
  console.log(`Wrote ${output}: ${pictures}${count(tokens.indices.length)} tokens, ${w}×${h}`);
}

async function detokenize([source, path]: readonly string[], options: Options): Promise<void> {
  const output = await pictureOutputOf(options);
  const isPiped = path === "-";
  const name = isPiped ? "standard input" : path;
  const file = isPiped ? await new Response(Deno.stdin.readable).arrayBuffer() : path;
  const tokens = await readTokens(file, { name, grid: gridOf(options.grid) });
  const names = namesOf(output, tokens.shape[0], name);
  using model = await load(source, options);
  using decoded = await model.detokenize(tokens);
  const pictures = await processorFor(model, options).postprocess(decoded);
  for (const [i, picture] of pictures.entries()) {
    await picture.save(names[i]);
    console.log(`Wrote ${names[i]}: ${picture.width}×${picture.height}`);
  }
}

/** A picture of such sides fits an array of floats. */
const LARGEST_SIDE = 16384;

async function profile([source]: readonly string[], options: Options): Promise<void> {
  const side = Number(options.size ?? 256);
  if (side > LARGEST_SIDE) throw new UsageError(`--size takes at most ${LARGEST_SIDE}, found ${options.size}`);
  using model = await load(source, options);
  const { in_channels } = model.config;
  using sample = new Tensor(new Float32Array(in_channels * side * side), [1, in_channels, side, side]);
  if (options.tune) await model.tune({ shape: sample.shape });
  const measured = await model.profile(sample, { rounds: Number(options.rounds ?? 5) });
  console.log(`${engineOf(model)}, ${side}×${side}\n\n${measured}`);
}

/** Loads a model, and says how far it is where someone may be watching. */
async function load(source: string, options: Options): Promise<VQModel> {
  const { device, dtype, threads, subfolder, revision, variant } = options;
  const watched = Deno.stderr.isTerminal();
  try {
    return await VQModel.fromPretrained(source, {
      device: device as Device | undefined,
      dtype: dtype as "float32" | "float16" | undefined,
      threads: threads === undefined ? undefined : Number(threads),
      subfolder,
      revision,
      variant,
      onProgress: watched ? showProgress : undefined,
    });
  } finally {
    if (watched) rewriteLine("");
  }
}

function showProgress({ status, file, loaded, total, reason }: Progress): void {
  switch (status) {
    case "ready":
      return rewriteLine("");
    case "ignored":
    case "repeat":
    case "fallback":
      rewriteLine("");
      return console.error(printable(reason ?? ""));
    case "offline":
      return rewriteLine(`Using the cache: ${file}`);
    default:
      return rewriteLine(`Loading ${total > 0 ? Math.floor(100 * loaded / total) : 100}%: ${file}`);
  }
}

/** Replaces the terminal's last line, cut where it would wrap. */
function rewriteLine(text: string): void {
  const visible = printable(text).slice(0, Deno.consoleSize().columns - 1);
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${visible}`));
}

function processorFor({ config, downsamplingFactor }: VQModel, options: Options): ImageProcessor {
  return new ImageProcessor({
    vaeScaleFactor: downsamplingFactor,
    doNormalize: isSigned(config, options),
    doConvertGrayscale: config.in_channels === 1,
  });
}

/** Whether pixels run from -1 to 1. By default they do, but for models that look codes up, as aMUSEd's do. */
function isSigned({ lookup_from_codebook }: VQConfig, { range }: Options): boolean {
  return range === undefined ? !lookup_from_codebook : range === "-1,1";
}

async function toPicture(model: VQModel, processor: ImageProcessor, tokens: Tokens): Promise<Picture> {
  using decoded = await model.detokenize(tokens);
  const [picture] = await processor.postprocess(decoded);
  return picture;
}

function engineOf({ device, dtype }: VQModel): string {
  return `${device}, ${dtype}`;
}

/** Where the result goes. That it can go there is checked now, before anything is computed. */
async function outputOf({ output }: Options): Promise<string> {
  if (output === undefined) throw new UsageError("-o is needed: the file to write");
  await checkWritable(output);
  return output;
}

async function pictureOutputOf(options: Options): Promise<string> {
  if (options.output !== undefined) pictureFormatOf(options.output);
  return await outputOf(options);
}

function sizeOf({ height, width }: Options): { height?: number; width?: number } {
  return { height: height ? Number(height) : undefined, width: width ? Number(width) : undefined };
}

/** Whether to show errors in full; without permission to read the variable, no. */
function isDebugging(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "DEBUG" });
  return state === "granted" && Boolean(Deno.env.get("DEBUG"));
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
