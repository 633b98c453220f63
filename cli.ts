// deno-lint-ignore-file no-console
/**
 * The command line: pictures to tokens and back.
 *
 * ```sh
 * deno run -A jsr:@codebook/vqmodel/cli reconstruct MODEL picture.png -o out.png
 * ```
 *
 * `--help` lists the commands, and after a command its options. Results go to standard output, progress and errors to
 * standard error. The exit code is 0, 1 if something failed, or 2 if the arguments were wrong.
 *
 * @module
 */

import {
  type Command,
  COMPUTING,
  DIRECTORY_OUTPUT,
  help,
  helpOn,
  LOADING,
  type Options,
  parseArguments,
  PICTURE_OUTPUT,
  PROFILED_SIZE,
  READING,
  TOKEN_OUTPUT,
  UsageError,
} from "./cli/arguments.ts";
import { checkDirectory, checkWritable } from "./cli/files.ts";
import { describe, engineOf, load } from "./cli/models.ts";
import { checkPictures, preprocess, processorFor } from "./cli/pictures.ts";
import { restartWithWideVectors } from "./cli/restart.ts";
import { showComputing } from "./cli/terminal.ts";
import { count, oneLine, seconds, table } from "./cli/text.ts";
import { dtypesOf, gridOf, namesOf } from "./cli/tokens.ts";
import deno from "./deno.json" with { type: "json" };
import {
  describeReconstruction,
  encodeTokens,
  type ImageProcessor,
  type Picture,
  pictureFormatOf,
  printable,
  readTokens,
  saveTokens,
  sideBySide,
  Tensor,
  type TokenDType,
  tokenFormatOf,
  tokenMap,
  type Tokens,
  type VQModel,
} from "./mod.ts";

const COMMANDS: Record<string, Command> = {
  info: {
    summary: "Describe a model",
    usage: "info MODEL",
    operands: ["MODEL"],
    options: LOADING,
    run: info,
  },
  reconstruct: {
    summary: "Turn a picture into tokens and back, and measure the loss",
    usage: "reconstruct MODEL PICTURE [-o OUT.png]",
    operands: ["MODEL", "PICTURE"],
    options: ["output", "side-by-side", ...READING, "range", ...COMPUTING],
    run: reconstruct,
  },
  tokenize: {
    summary: "Turn pictures of one size into tokens",
    usage: "tokenize MODEL PICTURE... -o TOKENS.npz",
    operands: ["MODEL", "PICTURE"],
    repeats: true,
    options: ["output", ...READING, "range", ...COMPUTING],
    own: TOKEN_OUTPUT,
    run: tokenize,
  },
  detokenize: {
    summary: "Turn tokens from a file, or from standard input with -, into pictures",
    usage: "detokenize MODEL TOKENS -o PICTURE.png",
    operands: ["MODEL", "TOKENS"],
    options: ["output", "grid", "range", ...COMPUTING],
    own: PICTURE_OUTPUT,
    run: detokenize,
  },
  profile: {
    summary: "Measure every op of a model, from picture to tokens and back",
    usage: "profile MODEL",
    operands: ["MODEL"],
    options: ["size", "tune", "rounds", ...COMPUTING],
    own: PROFILED_SIZE,
    run: profile,
  },
  convert: {
    summary: "Save a model as Diffusers' VQModel",
    usage: "convert MODEL -o DIR",
    operands: ["MODEL"],
    options: ["output", ...LOADING],
    own: DIRECTORY_OUTPUT,
    run: convert,
  },
};

/** Runs a command, and returns the exit code. */
async function main(args: string[]): Promise<number> {
  quietenDrivers();
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
  if (isComputing(command) && !options["no-restart"]) await restartWithWideVectors(operands[0], options.device);
  await command.run(operands, options);
}

function isComputing({ options }: Command): boolean {
  return options.includes("no-restart");
}

async function info([source]: readonly string[], options: Options): Promise<void> {
  console.log(await describe(source, options));
}

async function convert([source]: readonly string[], options: Options): Promise<void> {
  const { output } = options;
  if (output === undefined) throw new UsageError("-o is needed: the directory to write");
  await checkDirectory(output);
  using model = await load(source, options);
  await model.savePretrained(output);
  const { family } = model.config;
  console.log(`Wrote ${printable(output)}${family ? `, converted from ${family.name}` : ""}`);
}

async function reconstruct([source, path]: readonly string[], options: Options): Promise<void> {
  const isWritten = options.output !== undefined || options["side-by-side"];
  const output = isWritten ? await pictureOutputOf(options) : undefined;
  await checkPictures([path], options);
  using model = await load(source, options);
  const processor = processorFor(model, options);

  using sample = await preprocess(processor, [path], options);
  const [original] = await processor.postprocess(sample);
  const started = performance.now();
  const tokens = await toTokens(model, sample);
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
  console.log(`Wrote ${printable(output)}`);
}

async function tokenize([source, ...paths]: readonly string[], options: Options): Promise<void> {
  const isPiped = options.output === "-";
  const output = isPiped ? "" : await outputOf(options);
  const format = isPiped ? "json" : tokenFormatOf(output);
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
  const [, h, w] = tokens.shape;
  const pictures = paths.length > 1 ? `${paths.length} pictures, ` : "";
  console.log(`Wrote ${printable(output)}: ${pictures}${count(tokens.indices.length)} tokens, ${w}×${h}`);
}

async function detokenize([source, path]: readonly string[], options: Options): Promise<void> {
  const output = await pictureOutputOf(options);
  const isPiped = path === "-";
  const name = isPiped ? "standard input" : path;
  const file = isPiped ? await new Response(Deno.stdin.readable).arrayBuffer() : path;
  const tokens = await readTokens(file, { name, grid: gridOf(options.grid) });
  const names = namesOf(output, tokens.shape[0], name);
  using model = await load(source, options, { only: "decoder" });
  using decoded = await toSample(model, tokens);
  const pictures = await processorFor(model, options).postprocess(decoded);
  for (const [i, picture] of pictures.entries()) {
    await picture.save(names[i]);
    console.log(`Wrote ${printable(names[i])}: ${picture.width}×${picture.height}`);
  }
}

/** A picture with such sides fits into an array of floats. */
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

function toTokens(model: VQModel, sample: Tensor): Promise<Tokens> {
  return showComputing("Tokenizing", (options) => model.tokenize(sample, options));
}

function toSample(model: VQModel, tokens: Tokens): Promise<Tensor> {
  return showComputing("Detokenizing", (options) => model.detokenize(tokens, options));
}

async function toPicture(model: VQModel, processor: ImageProcessor, tokens: Tokens): Promise<Picture> {
  using decoded = await toSample(model, tokens);
  const [picture] = await processor.postprocess(decoded);
  return picture;
}

/** The file to write, which is checked before anything is computed. */
async function outputOf({ output }: Options): Promise<string> {
  if (output === undefined) throw new UsageError("-o is needed: the file to write");
  await checkWritable(output);
  return output;
}

async function pictureOutputOf(options: Options): Promise<string> {
  if (options.output !== undefined) pictureFormatOf(options.output);
  return await outputOf(options);
}

/**
 * Graphics drivers on Linux write warnings to standard error if this variable is not set, as in containers. They would
 * keep a desktop's socket there, which computing does not need.
 */
function quietenDrivers(): void {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os === "linux" && mayRead(name) && !Deno.env.get(name)) Deno.env.set(name, "/tmp");
}

/** Whether to show errors in full; not without permission to read the variable. */
function isDebugging(): boolean {
  return mayRead("DEBUG") && Boolean(Deno.env.get("DEBUG"));
}

function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
