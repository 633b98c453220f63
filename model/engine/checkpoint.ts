/**
 * Checkpoints: which tensors belong to the model, and loading them into a backend.
 *
 * @module
 */

import {
  isOfOtherHalf,
  type ModelFiles,
  type ModelHalf,
  sha256Of,
  type TensorSource,
  WeightsError,
} from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import type { Backend, CodebookParameter, Parameter, Shape, WeightValues } from "../../kernels/mod.ts";
import { parseConfig, type ParsedConfig } from "../architecture/config.ts";
import { ConfigError } from "../architecture/errors.ts";
import { modelParameters } from "../architecture/passes.ts";

/** A model's checkpoint: its configuration and layers, and how to open its files again. */
export interface Checkpoint {
  /** Opens its files again. Tensors have Diffusers' names, whatever the file calls them. */
  readonly open: () => Promise<ModelFiles>;
  /** The repository or directory; where neither is known, the configuration file. */
  readonly name: string;
  /** Where `config.json` is. */
  readonly configPath: string;
  /** The commit, if the files are from a repository. */
  readonly commit?: string;
  readonly parsed: ParsedConfig;
  /** The half that is loaded; absent for both. */
  readonly only?: ModelHalf;
  /** The layers that are loaded. */
  readonly parameters: readonly Parameter[];
}

/**
 * Opens a checkpoint of Diffusers, or of another family, for as long as `use` takes.
 *
 * @param only the half to load
 * @throws {ConfigError} if the configuration describes no VQModel
 * @throws {WeightsError} if the weights are of another kind of model
 */
export function withCheckpoint<T>(
  open: () => Promise<ModelFiles>,
  only: ModelHalf | undefined,
  use: (checkpoint: Checkpoint, files: ModelFiles) => Promise<T>,
): Promise<T> {
  return withFiles(open, async (files) => {
    const { configPath, name = configPath, commit, config, weights } = files;
    const families = isOfDiffusers(files) ? undefined : await import("../checkpoints/mod.ts");
    const shapes = new Map([...weights.tensors].map(([tensor, { shape }]) => [tensor, shape]));
    const family = families?.recognize(shapes, config);
    const parsed = family ? { config: family.config, extra: {} } : await readConfig(files, only);
    const present = (files: ModelFiles) =>
      family ? { ...files, weights: families!.asDiffusers(files.weights, family) } : files;
    const checkpoint = {
      open: async () => present(await open()),
      name,
      configPath,
      commit,
      parsed,
      only,
      parameters: modelParameters(parsed.config, only),
    };
    return await use(checkpoint, present(files));
  });
}

/** Whether files are as Diffusers saves them today, so that the readers of other families are not needed. */
function isOfDiffusers({ config, weights }: ModelFiles): boolean {
  const names = [...weights.tensors.keys()];
  return Object(config)._class_name === "VQModel" &&
    names.some((name) => /^(en|de)coder\.(down|up)_blocks\./.test(name));
}

async function readConfig(
  { config, configPath, name = configPath, weights }: ModelFiles,
  only: ModelHalf = "encoder",
): Promise<ParsedConfig> {
  if (config === undefined) throw await unknownModel(name, weights);
  const parsed = parseDiffusers(config, configPath);
  // Another family's configuration has none of the keys, so it passes for one with all defaults.
  const isNamed = "_class_name" in (config as object);
  if (!isNamed && !weights.tensors.has(`${only}.conv_in.weight`)) throw await unknownModel(name, weights);
  return parsed;
}

function parseDiffusers(config: unknown, configPath: string): ParsedConfig {
  try {
    return parseConfig(config);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${cause.message} (in ${configPath})`, { cause });
  }
}

async function unknownModel(name: string, { tensors, unopened = [] }: TensorSource): Promise<WeightsError> {
  const { FAMILY_NAMES } = await import("../checkpoints/mod.ts");
  const names = [...tensors.keys(), ...unopened];
  const found = names.length === 0 ? "none" : `${names.length} others: ${listSome(names)}`;
  return new WeightsError(
    `Cannot load ${name}: expected the tensors of a VQ model of one of the families ${FAMILY_NAMES.join(", ")}, ` +
      `or those of Diffusers' VQModel; found ${found}`,
  );
}

/** Opens a model's files for as long as `use` takes. */
export async function withFiles<T>(
  open: () => Promise<ModelFiles>,
  use: (files: ModelFiles) => Promise<T>,
): Promise<T> {
  const files = await open();
  checkFiles(files);
  try {
    return await use(files);
  } finally {
    await files.weights.close();
  }
}

/** Checks what a caller's function returned. */
function checkFiles(files: unknown): asserts files is ModelFiles {
  const { configPath, weights } = Object(files) as Partial<ModelFiles>;
  const { tensors, read, close } = Object(weights) as Partial<TensorSource>;
  const missing = [
    typeof configPath !== "string" && "configPath, a string",
    typeof tensors?.keys !== "function" && "weights.tensors, a Map",
    typeof read !== "function" && "weights.read, a function",
    typeof close !== "function" && "weights.close, a function",
  ].filter(Boolean);
  if (missing.length === 0) return;
  throw new TypeError(
    `Cannot load model: open must return ModelFiles, which have ${missing.join("; ")}; found ${show(files)}`,
  );
}

/** The checkpoint's tensors of a layer: names and shapes, the weight first. */
export function tensorsOf(parameter: Parameter): [name: string, shape: Shape][] {
  const [weight, bias] = [`${parameter.name}.weight`, `${parameter.name}.bias`];
  switch (parameter.kind) {
    case "conv": {
      const { in: ins, out, kernel } = parameter;
      return [[weight, [out, ins, kernel, kernel]], [bias, [out]]];
    }
    case "linear":
      return [[weight, [parameter.out, parameter.in]], [bias, [parameter.out]]];
    case "norm":
      return [[weight, [parameter.channels]], [bias, [parameter.channels]]];
    case "codebook":
      return [[weight, [parameter.codes, parameter.channels]]];
  }
}

/** Number of parameters of these layers. */
export function countParameters(parameters: readonly Parameter[]): number {
  return parameters.flatMap(tensorsOf)
    .reduce((total, [, shape]) => total + shape.reduce((product, side) => product * side, 1), 0);
}

/** Tensors of the model itself. Training checkpoints may hold others: discriminators, averages (also of codes), counters. */
const OF_THE_MODEL =
  /^(encoder|decoder|quant_conv|post_quant_conv|quantize\.embedding(?!\.(cluster_size|embed_avg)$))\./;

/** The most names that a message lists of one problem. */
const MAX_LISTED = 10;

/** The layers' names in old checkpoints, by their current names. */
const DEPRECATED_ATTENTION: Readonly<Record<string, string>> = {
  to_q: "query",
  to_k: "key",
  to_v: "value",
  "to_out.0": "proj_attn",
};

/** The names that a tensor may have in a checkpoint, the current one first. */
function namesOf(name: string): string[] {
  const match = name.match(/^(.*\.attentions\.\d+)\.(to_q|to_k|to_v|to_out\.0)\.(weight|bias)$/);
  return match ? [name, `${match[1]}.${DEPRECATED_ATTENTION[match[2]]}.${match[3]}`] : [name];
}

/** Which tensors of a checkpoint the model uses. */
export interface TensorMatch {
  /** The names in the checkpoint, by current names. */
  readonly found: ReadonlyMap<string, string>;
  /** The tensors that the model does not use. */
  readonly ignored: readonly string[];
}

/** Which tensors of a checkpoint must fit the layers. */
export interface MatchOptions {
  /** Whether unused tensors under the model's own prefixes (see `OF_THE_MODEL`) are an error. Default true. */
  strict?: boolean;
  /** The half that the layers are; tensors of the other half are not looked at. */
  only?: ModelHalf;
}

/**
 * Finds the tensors of these layers in a checkpoint.
 *
 * @throws {WeightsError} that lists every missing, unexpected and misshapen tensor
 */
export function matchTensors(
  source: TensorSource,
  parameters: readonly Parameter[],
  { strict = true, only }: MatchOptions = {},
): TensorMatch {
  const found = new Map<string, string>();
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [name, shape] of parameters.flatMap(tensorsOf)) {
    const stored = namesOf(name).find((candidate) => source.tensors.has(candidate));
    if (stored === undefined) {
      missing.push(name);
      continue;
    }
    found.set(name, stored);
    const actual = source.tensors.get(stored)!.shape;
    if (actual.join() !== shape.join()) misshapen.push(`${stored} (expected ${show(shape)}, found ${show(actual)})`);
  }
  const used = new Set(found.values());
  const isSpare = (name: string) => !used.has(name) && !isOfOtherHalf(name, only);
  const unexpected = [...source.tensors.keys()].filter(isSpare);
  const isRefused = strict && unexpected.some((name) => OF_THE_MODEL.test(name));
  if (missing.length > 0 || misshapen.length > 0 || isRefused) {
    const problems = Object.entries({ missing, unexpected, misshapen }).filter(([, names]) => names.length > 0);
    const list = problems.map(([problem, names]) => `${names.length} ${problem}: ${listSome(names)}`).join("; ");
    throw new WeightsError(
      `The weights do not fit the configuration: ${list}. Check that config.json and the weights belong together`,
    );
  }
  return { found, ignored: [...unexpected, ...(source.unopened ?? []).filter(isSpare)] };
}

/** Names for a message, shortened if there are many. */
export function listSome(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => showText(name, 100));
  return shown.join(", ") + (names.length > MAX_LISTED ? `, and ${names.length - MAX_LISTED} more` : "");
}

/** How to load weights. */
export interface WeightOptions extends MatchOptions {
  /** Called with the unused tensors, if there are any. */
  onIgnored?: (tensors: readonly string[]) => void;
  /** Called with the number of layers loaded so far. */
  onLayer?: (loaded: number) => void;
}

/**
 * Loads a checkpoint's weights into a backend, one layer at a time.
 *
 * @throws {WeightsError} if they do not fit the model, or a row of the codebook holds NaN
 */
export async function loadWeights(
  source: TensorSource,
  parameters: readonly Parameter[],
  backend: Backend,
  { onIgnored, onLayer, ...options }: WeightOptions = {},
): Promise<void> {
  const { found, ignored } = matchTensors(source, parameters, options);
  if (ignored.length > 0) onIgnored?.(ignored);
  source.expect?.(found.values());
  let loaded = 0;
  for (const parameter of largestFirst(parameters)) {
    const [weight, bias] = tensorsOf(parameter).map(([name]) => found.get(name)!);
    if (parameter.kind === "codebook") {
      const codes = await source.read(weight);
      checkCodes(parameter, codes);
      await backend.setParameter(parameter, codes, new Float32Array());
    } else {
      await backend.setParameter(parameter, await valuesOf(source, weight), await valuesOf(source, bias));
    }
    onLayer?.(++loaded);
  }
}

/** The values of a tensor, which the backend reads from the file itself where that is possible. */
async function valuesOf(source: TensorSource, name: string): Promise<WeightValues> {
  return source.stored?.(name) ?? await source.read(name);
}

/** Refuses codes that hold NaN: upstream would find them nearest to everything. */
function checkCodes({ name, channels }: CodebookParameter, values: Float32Array): void {
  const at = findNaN(values);
  if (at < 0) return;
  throw new WeightsError(
    `Cannot use the codebook: row ${Math.floor(at / channels)} of ${name}.weight holds NaN, expected numbers. ` +
      "The checkpoint was saved from a damaged training, or is damaged itself: get another",
  );
}

/** The index of the first NaN, or -1. A callback for each of millions of values would take longer than reading them. */
function findNaN(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return i;
  return -1;
}

/** Large layers first: small ones would take the gaps that a later large upload needs. */
function largestFirst(parameters: readonly Parameter[]): Parameter[] {
  const size = (parameter: Parameter) => tensorsOf(parameter)[0][1].reduce((product, side) => product * side, 1);
  return parameters.toSorted((a, b) => size(b) - size(a));
}

/** The SHA-256 of a checkpoint's codebook, see `Codebook.hash`. Reads the codebook again. */
export async function hashCodebook(checkpoint: Checkpoint): Promise<string> {
  return await sha256Of(await readCodebook(checkpoint));
}

/** Reads a checkpoint's codebook again: its codes one after another. */
export async function readCodebook({ open, parameters, only }: Checkpoint): Promise<Float32Array<ArrayBuffer>> {
  const [[weight]] = tensorsOf(parameters.find(({ kind }) => kind === "codebook")!);
  return await withFiles(open, async ({ weights }) => {
    const stored = matchTensors(weights, parameters, { strict: false, only }).found.get(weight)!;
    weights.expect?.([stored]);
    return await weights.read(stored);
  });
}
