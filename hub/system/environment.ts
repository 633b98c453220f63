/**
 * What the environment says about the Hub, by the variables that Python's `huggingface_hub` reads. What may not be read
 * counts as absent.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { environmentVariable, expandPath } from "./expand.ts";
import { isGranted } from "./permissions.ts";

const DEFAULT_HUB_URL = "https://huggingface.co";

/** A token, and where it was found, for messages. */
export interface FoundToken {
  readonly value: string;
  readonly source: string;
}

/** Where the Hub is: `HF_ENDPOINT`, or the public one. */
export function defaultHubUrl(): string {
  return variable("HF_ENDPOINT") ?? DEFAULT_HUB_URL;
}

/** Whether an address is of the Hub that the environment, and so its token, is about. */
export function isDefaultHub(hubUrl: string): boolean {
  const own = defaultHubUrl();
  return URL.canParse(hubUrl) && URL.canParse(own) && new URL(hubUrl).origin === new URL(own).origin;
}

/** Whether `HF_HUB_OFFLINE`, or else `TRANSFORMERS_OFFLINE`, asks to do without the network. */
export function isOfflineMode(): boolean {
  return isTrue(variable("HF_HUB_OFFLINE") ?? variable("TRANSFORMERS_OFFLINE"));
}

/** Where Python's `huggingface_hub` keeps its cache; `undefined` where that cannot be told. */
export function defaultCacheDir(): string | undefined {
  const explicit = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE");
  return explicit === undefined ? inHubHome("hub") : expandPath(explicit);
}

/**
 * The token of `HF_TOKEN` or `HUGGING_FACE_HUB_TOKEN`, or of the file that `hf auth login` writes; none where
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN` forbids to send what was not passed.
 */
export async function findToken(): Promise<FoundToken | undefined> {
  if (isTrue(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return undefined;
  const source = variable("HF_TOKEN") ? "HF_TOKEN" : "HUGGING_FACE_HUB_TOKEN";
  return cleanToken(variable(source), source) ?? await readTokenFile();
}

async function readTokenFile(): Promise<FoundToken | undefined> {
  const explicit = variable("HF_TOKEN_PATH");
  const path = explicit === undefined ? inHubHome("token") : expandPath(explicit);
  if (!path || !isGranted({ name: "read", path })) return undefined;
  return cleanToken(await readFile(path, "utf-8").catch(() => ""), path); // most people have no such file
}

/** Copied tokens bring line ends along. */
function cleanToken(text: string | undefined, source: string): FoundToken | undefined {
  const value = text?.replace(/[\r\n]/g, "").trim();
  return value ? { value, source } : undefined;
}

/** A path in the folder of Hugging Face's things. */
function inHubHome(name: string): string | undefined {
  const home = expandPath(variable("HF_HOME") ?? `${variable("XDG_CACHE_HOME") ?? "~/.cache"}/huggingface`);
  return home.startsWith("~") ? undefined : expandPath(join(home, name));
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/** A variable that is empty counts as absent. */
function variable(name: string): string | undefined {
  return environmentVariable(name) || undefined;
}
