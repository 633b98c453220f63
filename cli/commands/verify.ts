// deno-lint-ignore-file no-console
/**
 * Checking the tokens of a data set.
 *
 * @module
 */

import { verifyTokenSet } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import type { Command } from "../arguments.ts";
import { type Options, WHOLE } from "../options.ts";
import { rewriteLine, WATCHED } from "../terminal.ts";
import { count } from "../text.ts";

export const verifyCommand: Command = {
  summary: "Check every hash, index and number of a data set's tokens",
  usage: "verify TOKENS",
  operands: ["TOKENS"],
  options: ["codes", "json", "help"],
  own: { codes: { ...WHOLE, value: "COUNT", help: "number of codes in the codebook; default: as the files say" } },
  examples: ["verify tokens"],
  run,
};

async function run([path]: readonly string[], { codes, json }: Options): Promise<void> {
  const found = await verifyTokenSet(path, {
    codes: codes === undefined ? undefined : Number(codes),
    onProgress: WATCHED && !json ? (done, total) => rewriteLine(`Checking ${done} of ${total} files`) : undefined,
  });
  if (WATCHED && !json) rewriteLine("");
  const { files, pictures, tokens, problems } = found;
  if (json) console.log(JSON.stringify(found));
  else {
    for (const { file, problem } of problems) console.log(printable(`${file}: ${problem}`));
    console.log(`${count(files)} files, ${count(pictures)} pictures, ${count(tokens)} tokens`);
  }
  if (problems.length > 0) {
    throw new Error(`${count(problems.length)} problems: remove these files, and make them again`);
  }
}
