/**
 * From the names and shapes in a checkpoint to its family, its configuration, and where each tensor of the model is.
 *
 * @module
 */

import { WeightsError } from "../../hub/mod.ts";
import { showText } from "../../hub/show.ts";
import type { Shape } from "../../kernels/mod.ts";
import { checkConfig, type FamilyName, type VQConfig } from "../architecture/config.ts";
import { DIFFUSERS } from "./diffusers.ts";
import type { Family, Origin, Origins, Shapes } from "./family.ts";
import { JANUS, LLAMAGEN } from "./llamagen.ts";
import { MAGVIT } from "./magvit.ts";
import { MASKGIT } from "./maskgit.ts";
import { configOf } from "./structure.ts";
import { EMU, IBQ, LATENT_DIFFUSION, MOVQGAN, TAMING } from "./taming.ts";

/** The first that matches is taken, so those that ask for more come first. */
const FAMILIES: readonly Family[] = [
  MASKGIT,
  MAGVIT,
  JANUS,
  LLAMAGEN,
  MOVQGAN,
  IBQ,
  EMU,
  LATENT_DIFFUSION,
  TAMING,
  DIFFUSERS,
];

/** Where moving averages of a tokenizer are, or the one of what a picture is made from: only taken if there is no other. */
const SECONDARY = /(^|[._])ema[._]|^cond_stage_model\./;

/** Parts of a tokenizer. Those of a larger model that are called the same must not be taken for them. */
const PARTS = /^(encoder|decoder|quantize|quant_conv|post_quant_conv)\./;

/** Most places in a checkpoint that are searched; each takes a pass over all names. */
const MAX_PREFIXES = 16;

/** The families that are recognized. */
export const FAMILY_NAMES: readonly FamilyName[] = FAMILIES.flatMap(({ config }) => config?.name ?? []);

/** A checkpoint as a model. */
export interface Reading {
  /** The configuration, with what the family has beyond Diffusers'. */
  readonly config: VQConfig;
  /** By Diffusers' names: the tensors of the model, and the others of the checkpoint. */
  readonly tensors: ReadonlyMap<string, Origin>;
}

/**
 * Recognizes a checkpoint; nothing if it is of none of the families.
 *
 * @param shapes the shapes of its tensors, by name
 * @param configuration what lies beside it, parsed; `undefined` for nothing
 * @throws {WeightsError} if it lacks a tensor that every model has, or holds several models
 * @throws {ConfigError} if it is of an architecture that cannot be
 */
export function recognize(shapes: Shapes, configuration?: unknown): Reading | undefined {
  const prefixes = prefixesOf(shapes);
  if (prefixes.length > MAX_PREFIXES) {
    throw new WeightsError(
      `Cannot read the checkpoint: expected one tokenizer, found ${prefixes.length} places that may hold one`,
    );
  }
  const all = prefixes.flatMap((prefix) => {
    const own = below(prefix, shapes);
    const family = FAMILIES.find((candidate) => candidate.matches(own, configuration, prefix));
    return family ? [{ prefix, own, family }] : [];
  });
  if (all.length === 0) return undefined;
  const primary = all.filter(({ prefix }) => !SECONDARY.test(prefix));
  const found = primary.length > 0 ? primary : all;
  if (found.length > 1) {
    const prefixes = found.map(({ prefix }) => `"${showText(prefix)}"`).join(" and ");
    throw new WeightsError(`Cannot read the checkpoint: expected one tokenizer, found several, under ${prefixes}`);
  }
  const [{ prefix, own, family }] = found;

  const tensors: Origins = new Map();
  const levels = levelsOf(own);
  for (const [name, shape] of own) {
    const renamed = family.rename(name, levels);
    tensors.set(renamed, { key: prefix + name, shape: linearShape(renamed, shape) });
  }
  family.complete?.(tensors);
  const config = checkConfig(configOf(tensors, family.config));
  for (const [name, shape] of shapes) {
    if (!name.startsWith(prefix) && !PARTS.test(name)) tensors.set(name, { key: name, shape });
  }
  return { config, tensors };
}

/** What the names of a model begin with: nothing, or its place in a larger model, such as `gen_vision_model.` */
function prefixesOf(shapes: Shapes): string[] {
  const [encoder, decoder] = ["encoder.conv_in.weight", "decoder.conv_in.weight"];
  return [...shapes.keys()]
    .filter((name) => name.endsWith(encoder))
    .map((name) => name.slice(0, -encoder.length))
    .filter((prefix) => shapes.has(prefix + decoder));
}

function below(prefix: string, shapes: Shapes): Shapes {
  const own = [...shapes].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, shape]) => [name.slice(prefix.length), shape]));
}

/** How many levels there are by taming's names; the others' do not depend on it. */
function levelsOf(shapes: Shapes): number {
  let levels = 0;
  while (shapes.has(`encoder.down.${levels}.block.0.conv1.weight`)) levels++;
  return levels;
}

/** What is a 1×1 convolution in attentions elsewhere is a linear layer in Diffusers'. */
function linearShape(name: string, shape: Shape): Shape {
  const isLinear = /\.attentions\.\d+\.to_(q|k|v|out\.0)\.weight$/.test(name);
  return isLinear && shape.length === 4 && shape[2] * shape[3] === 1 ? shape.slice(0, 2) : shape;
}
