// deno-lint-ignore-file no-console
/**
 * A picture to tokens and back, with the loss.
 *
 * @module
 */

import type { Command } from "../arguments.ts";
import { COMPUTING, type Options, READING } from "../options.ts";
import { toPicture, toTokens } from "../conversion.ts";
import { engineOf, load } from "../models.ts";
import { pictureOutputOf } from "../output.ts";
import { checkPictures, preprocess, processorFor } from "../pictures.ts";
import { count, seconds, table } from "../text.ts";
import { describeReconstruction, printable, sideBySide, tokenMap } from "../../mod.ts";

export const reconstructCommand: Command = {
  summary: "Turn a picture into tokens and back, and measure the loss",
  usage: "reconstruct MODEL PICTURE [-o OUT.png]",
  operands: ["MODEL", "PICTURE"],
  options: ["output", "side-by-side", ...READING, "range", ...COMPUTING],
  run: reconstruct,
};

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
