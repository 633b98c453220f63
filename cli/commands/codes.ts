// deno-lint-ignore-file no-console
/**
 * A sheet of what a model's codes look like.
 *
 * @module
 */

import { codeSheet } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { type Command, UsageError } from "../arguments.ts";
import { load } from "../models.ts";
import { COMPUTING, OPTIONS, type Options } from "../options.ts";
import { pictureOutputOf } from "../output.ts";
import { showComputing } from "../terminal.ts";
import { plural } from "../text.ts";

export const codesCommand: Command = {
  summary: "Draw what each code of a model decodes to",
  usage: "codes MODEL -o SHEET.png",
  operands: ["MODEL"],
  options: ["output", "codes", ...COMPUTING],
  own: { output: { ...OPTIONS.output, value: "SHEET", help: "where to write the sheet, a .png or .jpg" } },
  details:
    "Each code is decoded alone, in the middle of a 3×3 grid of itself. Codes are in rows from the top left, about as many " +
    "columns as rows.",
  examples: ["codes amused/amused-256 --codes 0-1023 -o codes.png"],
  run,
};

async function run([source]: readonly string[], options: Options): Promise<void> {
  const output = await pictureOutputOf(options);
  const range = rangeOf(options.codes);
  using model = await load(source, options, { only: "decoder" });
  const { num_vq_embeddings: all } = model.config;
  if (range.first !== undefined && range.first + range.count! > all) {
    throw new UsageError(`--codes takes codes of the model, 0-${all - 1}, found "${options.codes}"`);
  }
  const sheet = await showComputing("Drawing", (call) => codeSheet(model, { ...range, ...call }));
  await sheet.save(output);
  console.log(`Wrote ${printable(output)}: ${plural(range.count ?? all, "code")}, ${sheet.width}×${sheet.height}`);
}

/** The codes in `--codes`. */
function rangeOf(codes: string | undefined): { first?: number; count?: number } {
  if (codes === undefined) return {};
  const [first, last] = codes.split("-").map(Number);
  if (last < first) throw new UsageError(`--codes takes the first and the last code, as in 0-1023, found "${codes}"`);
  return { first, count: last - first + 1 };
}
