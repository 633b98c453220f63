// deno-lint-ignore-file no-console
/**
 * How the tokens of a data set use the codebook.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { openTokenSet, tokenStatistics, usagePicture, usagePlot } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { type Command, UsageError } from "../arguments.ts";
import { checkWritable } from "../files.ts";
import { OPTIONS, type Options, WHOLE } from "../options.ts";
import { count, table } from "../text.ts";
import { gridOf } from "../tokens.ts";

export const statsCommand: Command = {
  summary: "Measure how tokens use the codebook",
  usage: "stats TOKENS [-o PLOT]",
  operands: ["TOKENS"],
  options: ["output", "codes", "grid", "json", "help"],
  own: {
    output: {
      ...OPTIONS.output,
      value: "PLOT",
      help: "where to draw the counts of all codes, a .png or .svg; default: not drawn",
    },
    codes: { ...WHOLE, value: "COUNT", help: "number of codes in the codebook; default: as the files say" },
  },
  details:
    "TOKENS is a folder of tokens, its manifest.json, or a file of tokens. The drawing has the count of every code, from the " +
    "most frequent to the rarest, and how many codes occur how often.",
  examples: ["stats tokens -o usage.png", "stats tokens.parquet --json"],
  run,
};

async function run([path]: readonly string[], options: Options): Promise<void> {
  const { output, json } = options;
  const drawing = /\.(png|svg)$/i.exec(output ?? "")?.[1].toLowerCase();
  if (output !== undefined && !drawing) throw new UsageError(`-o takes a .png or .svg, found "${output}"`);
  if (output !== undefined) await checkWritable(output);
  const set = await openTokenSet(path, { grid: gridOf(options.grid) });
  const codes = options.codes === undefined ? set.info.codes : Number(options.codes);
  if (codes === undefined) throw new UsageError("--codes is needed: the files do not say how many codes there are");
  const statistics = await tokenStatistics(set.records(), codes);
  const { counts, ...numbers } = statistics;
  if (json) console.log(JSON.stringify({ ...numbers, counts: [...counts] }));
  else {
    const { pictures, tokens, usedCodes, usage, entropy, perplexity, bitsPerPixel, entropyPerPixel } = numbers;
    console.log(table([
      ["pictures", count(pictures)],
      ["tokens", count(tokens)],
      ["used codes", `${count(usedCodes)} of ${count(codes)}, ${(100 * usage).toFixed(1)}%`],
      ["dead codes", count(codes - usedCodes)],
      ["perplexity", count(Math.round(perplexity))],
      ["entropy", `${entropy.toFixed(3)} bits per token, at most ${Math.log2(codes).toFixed(3)}`],
      ...(bitsPerPixel === undefined
        ? []
        : [["bits per pixel", `${bitsPerPixel.toFixed(4)}, ${entropyPerPixel!.toFixed(4)} by entropy`]]),
    ]));
  }
  if (output === undefined) return;
  if (drawing === "png") await usagePicture(statistics).save(output);
  else await writeFile(output, usagePlot(statistics));
  if (!json) console.log(`Wrote ${printable(output)}`);
}
