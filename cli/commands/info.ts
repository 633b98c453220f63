// deno-lint-ignore-file no-console
/**
 * Describing a model.
 *
 * @module
 */

import type { Command } from "../arguments.ts";
import { LOADING, type Options } from "../options.ts";
import { describe } from "../models.ts";

export const infoCommand: Command = {
  summary: "Describe a model",
  usage: "info MODEL",
  operands: ["MODEL"],
  options: LOADING,
  run: info,
};

async function info([source]: readonly string[], options: Options): Promise<void> {
  console.log(await describe(source, options));
}
