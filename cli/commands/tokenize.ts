// deno-lint-ignore-file no-console
/**
 * Pictures to tokens.
 *
 * @module
 */

import type { Command } from "../arguments.ts";
import { COMPUTING, OPTIONS, type Options, READING } from "../options.ts";
import { toTokens } from "../conversion.ts";
import { load } from "../models.ts";
import { outputOf } from "../output.ts";
import { checkPictures, preprocess, processorFor } from "../pictures.ts";
import { count } from "../text.ts";
import { dtypesOf } from "../tokens.ts";
import { encodeTokens, printable, saveTokens, type TokenDType, tokenFormatOf } from "../../mod.ts";

export const tokenizeCommand: Command = {
  summary: "Turn pictures of one size into tokens",
  usage: "tokenize MODEL PICTURE... -o TOKENS.npz",
  operands: ["MODEL", "PICTURE"],
  repeats: true,
  options: ["output", ...READING, "range", ...COMPUTING],
  own: {
    output: {
      ...OPTIONS.output,
      help: "where to write the tokens: .json, .npy, .npz, .safetensors, .pt or .pth; or - for JSON on standard output",
    },
    dtype: {
      ...OPTIONS.dtype,
      help:
        'element type on the device, "float32" or "float16", or of the file, "uint8", "int8", … "int64", by default the ' +
        'smallest that holds the codebook; or both, "float16,int64"',
      pattern: /^(float(32|16)|(float(32|16),)?u?int(8|16|32|64))$/,
      takes: '"float32" or "float16", and "uint8" to "int64" for the file, as in "float16,int64"',
    },
  },
  run: tokenize,
};

async function tokenize([source, ...paths]: readonly string[], options: Options): Promise<void> {
  const isPiped = options.output === "-";
  const output = isPiped ? "" : await outputOf(options);
  const format = isPiped ? "json" : tokenFormatOf(output);
  const { computed, stored } = dtypesOf(options.dtype);
  const dtype = stored as TokenDType | undefined;
  encodeTokens({ indices: [0], shape: [1, 1, 1] }, format, { dtype }); // fails before anything is computed if the format does not have the dtype
  await checkPictures(paths, options);
  using model = await load(source, { ...options, dtype: computed });
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
