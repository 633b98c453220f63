// deno-lint-ignore-file no-console
/**
 * Tokens to pictures.
 *
 * @module
 */

import type { Command } from "../arguments.ts";
import { COMPUTING, OPTIONS, type Options } from "../options.ts";
import { toSample } from "../conversion.ts";
import { load } from "../models.ts";
import { pictureOutputOf } from "../output.ts";
import { processorFor } from "../pictures.ts";
import { gridOf, namesOf } from "../tokens.ts";
import { printable, readTokens } from "../../mod.ts";

export const detokenizeCommand: Command = {
  summary: "Turn tokens from a file, or from standard input with -, into pictures",
  usage: "detokenize MODEL TOKENS -o PICTURE.png",
  operands: ["MODEL", "TOKENS"],
  options: ["output", "grid", "range", ...COMPUTING],
  own: {
    output: {
      ...OPTIONS.output,
      help: "where to write the picture; for several pictures, %d in the name stands for their numbers: picture-%d.png",
    },
  },
  run: detokenize,
};

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
