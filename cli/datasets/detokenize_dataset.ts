// deno-lint-ignore-file no-console
/**
 * Tokens of whole data sets to pictures.
 *
 * @module
 */

import {
  detokenizeDataset,
  type DetokenizedPicture,
  readTokenFiles,
  savePictureArchive,
  savePictures,
  type TokensToDecode,
} from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { checkDirectory, checkWritable } from "../files.ts";
import { interruptible } from "../process/interrupt.ts";
import type { Options } from "../options.ts";
import { pixelRangeOf } from "../pictures.ts";
import { plural } from "../text.ts";
import { gridOf } from "../tokens.ts";
import { loadEngines } from "./engines.ts";
import { progressView } from "./progress.ts";

/** Side of pictures, of which the tokens tell nothing before the model is loaded. */
const LIKELY_SIDE = 256;

/** Turns the tokens of files and folders into pictures in a folder, an archive, or files numbered by `%d`. */
export async function runDetokenizeDataset(
  modelName: string,
  inputs: readonly string[],
  output: string,
  options: Options,
): Promise<void> {
  const isArchive = /\.tar$/i.test(output);
  const isNumbered = /\.(png|jpe?g)$/i.test(output);
  if (isArchive || isNumbered) await checkWritable(output.replaceAll("%d", "0"));
  else await checkDirectory(output);
  const view = progressView(options);
  const state = { shards: 0, totalShards: inputs.length, pictures: 0, newPictures: 0, newTokens: 0, failures: 0 };
  const onFile = (shards: number, totalShards: number) => Object.assign(state, { shards, totalShards });
  const onPicture = () => {
    state.pictures = ++state.newPictures;
    view.show({ ...state });
  };
  const advice = () => `${plural(state.pictures, "picture")} of the tokens were made. Run the same command again`;
  await interruptible(async (signal) => {
    const tokens = readTokenFiles(inputs.map(named), { grid: gridOf(options.grid), onFile });
    const first = await tokens.next(); // an input that cannot be read is an error before the model is loaded
    const models = await loadEngines(modelName, options, { only: "decoder", side: LIKELY_SIDE });
    try {
      const pictures = detokenizeDataset(models, counted(resumed(first, tokens), state), {
        batch: options.batch === undefined ? undefined : Number(options.batch),
        doNormalize: pixelRangeOf(models[0], options) === "signed",
        signal,
      });
      if (isArchive) await savePictureArchive(pictures, output, onPicture);
      else if (isNumbered) await saveNumbered(pictures, output, onPicture);
      else await savePictures(pictures, output, onPicture);
    } finally {
      view.stop();
      for (const model of models) model.dispose();
    }
  }, advice);
  if (!options.quiet) console.log(`Wrote ${printable(output)}: ${plural(state.pictures, "picture")}`);
}

function named(input: string) {
  return input === "-" ? { name: "standard input", stream: Deno.stdin.readable } : input;
}

/** What a generator yielded first, and the rest. */
async function* resumed<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

async function* counted(
  tokens: AsyncIterable<TokensToDecode>,
  state: { newTokens: number },
): AsyncGenerator<TokensToDecode> {
  for await (const record of tokens) {
    state.newTokens += record.indices.length;
    yield record;
  }
}

/** Saves pictures by a name in which `%d` stands for their numbers. */
async function saveNumbered(
  pictures: AsyncIterable<DetokenizedPicture>,
  output: string,
  onPicture: () => void,
): Promise<void> {
  let number = 0;
  for await (const { picture } of pictures) {
    if (number > 0 && !output.includes("%d")) {
      throw new TypeError(
        `Cannot write several pictures to ${output}: put %d where their numbers go, as in -o picture-%d.png, or name a folder`,
      );
    }
    await picture.save(output.replaceAll("%d", `${number++}`));
    onPicture();
  }
}
