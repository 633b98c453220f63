// deno-lint-ignore-file no-console
/**
 * Measuring every op of a model.
 *
 * @module
 */

import { type Command, UsageError } from "../arguments.ts";
import { COMPUTING, type Options, SIDE } from "../options.ts";
import { engineOf, load } from "../models.ts";
import { Tensor } from "../../mod.ts";

export const profileCommand: Command = {
  summary: "Measure every op of a model, from picture to tokens and back",
  usage: "profile MODEL",
  operands: ["MODEL"],
  options: ["size", "tune", "rounds", ...COMPUTING],
  own: { size: { ...SIDE, help: "both sides of the picture; default: 256" } },
  run: profile,
};

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
