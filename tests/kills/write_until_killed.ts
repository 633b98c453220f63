/**
 * A process that writes one kind of thing over and over until it is killed: `write_until_killed.ts KIND FOLDER [HUB]`. It
 * prints a line when it begins.
 */
import { openHubModel, saveLocalModel, type TensorToWrite } from "../../hub/mod.ts";
import { REPO } from "../hub/hub_fixture.ts";

/** A model whose configuration and every number say which one it is; each has other files than the last. */
export async function saveNumbered(folder: string, number: number, isSharded: boolean): Promise<void> {
  const tensors = Array.from({ length: 3 + number % 3 }, (_, i): TensorToWrite => ({
    name: `tensor${i}`,
    dtype: "F32",
    shape: [1000],
    data: () => new Float32Array(1000).fill(number),
  }));
  await saveLocalModel(folder, JSON.stringify({ number }), tensors, isSharded ? { maxShardSize: "4KB" } : {});
}

/** Two contents of files that are written over each other. */
export const SIDES = [16, 48];

const WRITERS: Record<string, (folder: string, round: number, hubUrl: string) => Promise<unknown>> = {
  "a model in one file": (folder, round) => saveNumbered(folder, round, false),
  "a model in shards": (folder, round) => saveNumbered(folder, round, true),
  "a model in one file or in shards": (folder, round) => saveNumbered(folder, round, round % 2 === 0),
  async "a download"(folder, round, hubUrl) {
    const { weights } = await openHubModel(REPO, { hubUrl, cacheDir: `${folder}/${round}`, token: "" });
    await weights.close();
  },
  async "a picture"(folder, round) {
    const { Picture } = await import("../../model/images/mod.ts");
    const side = SIDES[round % 2];
    await new Picture(side, side, new Uint8ClampedArray(side * side * 4).fill(255)).save(`${folder}/picture.png`);
  },
  async "a token file"(folder, round) {
    const { saveTokens } = await import("../../model/tokens/token_file.ts");
    const side = SIDES[round % 2];
    const tokens = { indices: new Int32Array(side * side).fill(side), shape: [1, side, side] };
    await saveTokens(tokens, `${folder}/tokens.safetensors`);
  },
};

/** Everything that can be written. */
export const KINDS = Object.keys(WRITERS);

if (import.meta.main) {
  const [kind, folder, hubUrl] = Deno.args;
  await WRITERS[kind](folder, 0, hubUrl);
  await Deno.stdout.write(new Uint8Array([10]));
  for (let round = 1;; round++) await WRITERS[kind](folder, round, hubUrl);
}
