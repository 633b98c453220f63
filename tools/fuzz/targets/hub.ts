/**
 * What a Hub answers, and what lies in the cache.
 *
 * Beside what is read it is checked that only the Hub and its storage are asked, that the token goes to the Hub alone, and
 * that nothing is written outside the cache.
 *
 * @module
 */

import { type HubModelOptions, openHubModel } from "../../../hub/mod.ts";
import { type Bytes, latin1, type Mutate, mutateBytes } from "../mutations/bytes.ts";
import { mutateJson } from "../mutations/json.ts";
import { mutateTextBytes } from "../mutations/text.ts";
import { hurry } from "./hurry.ts";
import { answerTo, COMMIT, CONFIG, HUB, plainAnswers, WEIGHTS, WEIGHTS_HASH, xetAnswers } from "./hub_answers.ts";
import { directoryOf, once, type Target } from "./target.ts";

const TOKEN = "hf_secret";
const FOLDER = "cache/models--owner--name";

const SNAPSHOT = {
  [`${FOLDER}/snapshots/${COMMIT}/config.json`]: CONFIG,
  [`${FOLDER}/snapshots/${COMMIT}/diffusion_pytorch_model.safetensors`]: WEIGHTS,
};

/** The answers of a Hub with and without Xet storage; the file that says where a branch is; a half-downloaded file. */
export const hubTargets: readonly Target[] = [
  hubTarget("hub/plain", jsonOf(plainAnswers()), mutateJson, (bytes) => load(parse(bytes))),
  hubTarget("hub/xet", jsonOf(xetAnswers()), mutateJson, (bytes) => load(parse(bytes))),
  hubTarget("cache/ref", latin1(COMMIT), mutateTextBytes, (bytes) => {
    return load({}, { ...SNAPSHOT, [`${FOLDER}/refs/main`]: bytes }, { localFilesOnly: true });
  }),
  hubTarget("cache/partial", WEIGHTS.slice(0, 100), mutateBytes, (bytes) => {
    return load(plainAnswers(), { [`${FOLDER}/blobs/${WEIGHTS_HASH}.incomplete`]: bytes });
  }),
];

function hubTarget(name: string, sample: Bytes, mutate: Mutate, read: Target["read"]): Target {
  return { name, extension: mutate === mutateJson ? "json" : "txt", samples: once(() => [sample]), mutate, read };
}

/** Loads a model from a Hub that answers so, with files on the disk, and reads its tensors. */
async function load(answers: unknown, files: Record<string, Bytes> = {}, options: HubModelOptions = {}): Promise<void> {
  using _hurry = hurry();
  const place = directoryOf(files);
  const breaches: string[] = [];
  const fetch = ((input: string | URL | Request, init?: RequestInit) =>
    Promise.try(() => {
      const address = String(input instanceof Request ? input.url : input);
      if (!address.startsWith("https:")) breaches.push(`it asked for ${address}`);
      const sent = new Headers(init?.headers).get("authorization");
      if (sent?.includes(TOKEN) && new URL(address).origin !== HUB) breaches.push(`the token went to ${address}`);
      return answerTo(answers, address, init);
    })) as typeof globalThis.fetch;
  const error = await readAll({
    ...{ cacheDir: `${place}/cache`, hubUrl: HUB, token: TOKEN, fetch, timeout: 50_000, localFilesOnly: false },
    ...options,
  }).then(() => undefined, (error) => error);
  if (String(error).includes(TOKEN)) breaches.push("the token is in a message");
  breaches.push(...[...Deno.readDirSync(place)].map(({ name }) => name).filter((name) => name !== "cache"));
  Deno.removeSync(place, { recursive: true });
  if (breaches.length > 0) throw new Error(`Breach: ${breaches[0]}`); // whatever else came of it
  if (error) throw error;
}

async function readAll(options: HubModelOptions): Promise<void> {
  const { weights } = await openHubModel("owner/name", options);
  try {
    for (const name of weights.tensors.keys()) await weights.read(name);
  } finally {
    await weights.close();
  }
}

function parse(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {}; // nobody is there
  }
}

function jsonOf(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}
