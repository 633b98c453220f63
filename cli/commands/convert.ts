// deno-lint-ignore-file no-console
/**
 * Saving a model as Diffusers does.
 *
 * @module
 */

import { type Command, UsageError } from "../arguments.ts";
import { LOADING, OPTIONS, type Options } from "../options.ts";
import { checkDirectory } from "../files.ts";
import { load } from "../models.ts";
import { printable } from "../../mod.ts";

export const convertCommand: Command = {
  summary: "Save a model as Diffusers' VQModel",
  usage: "convert MODEL -o DIR",
  operands: ["MODEL"],
  options: ["output", ...LOADING],
  own: {
    output: {
      ...OPTIONS.output,
      value: "DIR",
      help: "where to write config.json and the weights, in float32; a model that is there is replaced",
    },
  },
  run: convert,
};

async function convert([source]: readonly string[], options: Options): Promise<void> {
  const { output } = options;
  if (output === undefined) throw new UsageError("-o is needed: the directory to write");
  await checkDirectory(output);
  using model = await load(source, options);
  await model.savePretrained(output);
  const { family } = model.config;
  console.log(`Wrote ${printable(output)}${family ? `, converted from ${family.name}` : ""}`);
}
