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
import { plural } from "../text.ts";
import { gridOf } from "../tokens.ts";

export const verifyCommand: Command = {
  summary: "Check every hash, index and number of a data set's tokens",
  usage: "verify TOKENS",
  operands: ["TOKENS"],
  options: ["codes", "grid", "json", "help"],
  own: { codes: { ...WHOLE, value: "COUNT", help: "number of codes in the codebook; default: as the files say" } },
  details:
    "TOKENS is a folder of tokens, its manifest.json, or a file of tokens. Everything is read: every size, hash and number " +
    "is compared with the manifest, if there is one, and every index with the codebook. The exit code is 1 if something is " +
    "wrong.",
  examples: ["verify tokens", "verify t.npy --grid 16x16 --codes 1024"],
  run,
};

async function run([path]: readonly string[], { codes, grid, json }: Options): Promise<void> {
  const found = await verifyTokenSet(path, {
    codes: codes === undefined ? undefined : Number(codes),
    grid: gridOf(grid),
    onProgress: WATCHED && !json ? (done, total) => rewriteLine(`Checking ${done} of ${total} files`) : undefined,
  });
  if (WATCHED && !json) rewriteLine("");
  const { files, pictures, tokens, problems } = found;
  if (json) console.log(JSON.stringify(found));
  else {
    for (const { file, problem } of problems) console.log(printable(`${file}: ${problem}`));
    console.log([plural(files, "file"), plural(pictures, "picture"), plural(tokens, "token")].join(", "));
    if (found.codes === undefined) {
      console.log("The files do not say how many codes there are: pass --codes to check that indices are below");
    }
  }
  if (problems.length > 0) {
    throw new Error(`${plural(problems.length, "problem")}: remove these files, and make them again`);
  }
}
