/**
 * Damaged responses of a Hub, and damaged files in the cache.
 *
 * Also checks that what is read is what the Hub has, that requests go to the Hub and its storage only, that the token goes
 * to the Hub only, and that nothing is written outside the cache.
 *
 * @module
 */

import {
  type HubAccess,
  openHubModel,
  openSafetensors,
  pushToHub,
  sourceOfBytes,
  type TensorSource,
} from "../../../hub/mod.ts";
import { type Bytes, latin1, type Mutate, mutateBytes } from "../mutations/bytes.ts";
import { mutateJson } from "../mutations/json.ts";
import { mutateTextBytes } from "../mutations/text.ts";
import { hurry } from "./hurry.ts";
import {
  answerTo,
  COMMIT,
  CONFIG,
  HUB,
  plainAnswers,
  pushAnswers,
  WEIGHTS,
  WEIGHTS_HASH,
  xetAnswers,
} from "./hub_answers.ts";
import { directoryOf, once, type Target } from "./target.ts";

const TOKEN = "hf_secret";
const FOLDER = "cache/models--owner--name";
const WEIGHTS_NAME = "diffusion_pytorch_model.safetensors";

/** A cache that holds the model. */
const CACHED = {
  [`${FOLDER}/refs/main`]: latin1(COMMIT),
  [`${FOLDER}/snapshots/${COMMIT}/config.json`]: CONFIG,
  [`${FOLDER}/snapshots/${COMMIT}/${WEIGHTS_NAME}`]: WEIGHTS,
};

/** Responses of a Hub while a model is loaded or saved, and files in the cache. */
export const hubTargets: readonly Target[] = [
  hubTarget("hub/plain", jsonOf(plainAnswers()), mutateJson, (bytes) => load(parse(bytes))),
  hubTarget("hub/xet", jsonOf(xetAnswers()), mutateJson, (bytes) => load(parse(bytes))),
  hubTarget("hub/push", jsonOf(pushAnswers()), mutateJson, (bytes) => push(parse(bytes))),
  hubTarget("cache/ref", latin1(COMMIT), mutateTextBytes, (bytes) => {
    return load({}, { ...CACHED, [`${FOLDER}/refs/main`]: bytes });
  }),
  hubTarget("cache/partial", WEIGHTS.slice(0, 100), mutateBytes, (bytes) => {
    return load(plainAnswers(), { [`${FOLDER}/blobs/${WEIGHTS_HASH}.incomplete`]: bytes });
  }),
];

function hubTarget(name: string, sample: Bytes, mutate: Mutate, read: Target["read"]): Target {
  return { name, extension: mutate === mutateJson ? "json" : "txt", samples: once(() => [sample]), mutate, read };
}

/** Loads a model, from the cache if the Hub does not respond. */
function load(answers: unknown, files: Record<string, Bytes> = {}): Promise<void> {
  return atHub(answers, files, async (access, place) => {
    const { weights } = await openHubModel("owner/name", {
      ...access,
      cacheDir: `${place}/cache`,
      localFilesOnly: false,
    });
    const truth = await openSafetensors(sourceOfBytes(WEIGHTS, "the truth"));
    if (await textOf(weights) !== await textOf(truth)) throw new Error("Breach: it reads what the Hub does not have");
  });
}

/** Saves a model. */
function push(answers: unknown): Promise<void> {
  return atHub(answers, { "cache/config.json": CONFIG, [`cache/${WEIGHTS_NAME}`]: WEIGHTS }, async (access, place) => {
    await pushToHub("owner/name", `${place}/cache`, access);
  });
}

/** Runs a task with a Hub of these responses and a folder of these files, and looks for breaches. */
async function atHub(
  answers: unknown,
  files: Record<string, Bytes>,
  use: (access: HubAccess, place: string) => Promise<void>,
): Promise<void> {
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
  const access = { hubUrl: HUB, token: TOKEN, fetch, timeout: 50_000 };
  const error = await use(access, place).then(() => undefined, (error) => error);
  if (String(error).includes(TOKEN)) breaches.push("the token is in a message");
  breaches.push(...[...Deno.readDirSync(place)].map(({ name }) => name).filter((name) => name !== "cache"));
  Deno.removeSync(place, { recursive: true });
  if (breaches.length > 0) throw new Error(`Breach: ${breaches[0]}`); // whatever the outcome was
  if (error) throw error;
}

/** The tensors of a source, which is closed. */
async function textOf(source: TensorSource): Promise<string> {
  try {
    const tensors = await Array.fromAsync(source.tensors.keys(), async (name) => [name, ...await source.read(name)]);
    return JSON.stringify(tensors);
  } finally {
    await source.close();
  }
}

function parse(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {}; // no response
  }
}

function jsonOf(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}
