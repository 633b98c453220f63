/**
 * Settings of the Hub from environment variables, the same that Python's `huggingface_hub` reads. Variables and files that
 * may not be read count as absent.
 *
 * @module
 */

import { readFile } from "./files.ts";
import { join } from "./file_paths.ts";
import { environmentVariable, expandPath } from "./expand.ts";
import { isGranted } from "./permissions.ts";

const DEFAULT_HUB_URL = "https://huggingface.co";

/** An access token, and where it was found, for messages. */
export interface FoundToken {
  readonly value: string;
  readonly source: string;
}

/** URL of the Hub: `HF_ENDPOINT`, or the public Hub. */
export function defaultHubUrl(): string {
  return variable("HF_ENDPOINT") ?? DEFAULT_HUB_URL;
}

/** Whether a URL belongs to the Hub that the environment is about: only that one may get the environment's token. */
export function isDefaultHub(hubUrl: string): boolean {
  const own = defaultHubUrl();
  return URL.canParse(hubUrl) && URL.canParse(own) && new URL(hubUrl).origin === new URL(own).origin;
}

/** Whether `HF_HUB_OFFLINE`, or else `TRANSFORMERS_OFFLINE`, forbids to use the network. */
export function isOfflineMode(): boolean {
  return isTrue(variable("HF_HUB_OFFLINE") ?? variable("TRANSFORMERS_OFFLINE"));
}

/** The cache directory of Python's `huggingface_hub`; `undefined` if it is unknown. */
export function defaultCacheDir(): string | undefined {
  const explicit = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE");
  return explicit === undefined ? inHubHome("hub") : expandPath(explicit);
}

/**
 * The token from `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN` or the file that `hf auth login` writes. None if
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set.
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

/** Removes the line breaks that copied tokens often contain. */
function cleanToken(text: string | undefined, source: string): FoundToken | undefined {
  const value = text?.replace(/[\r\n]/g, "").trim();
  return value ? { value, source } : undefined;
}

/** A path in the Hugging Face home folder. */
function inHubHome(name: string): string | undefined {
  const home = expandPath(variable("HF_HOME") ?? `${variable("XDG_CACHE_HOME") ?? "~/.cache"}/huggingface`);
  return home.startsWith("~") ? undefined : expandPath(join(home, name));
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/** The value of an environment variable. An empty one counts as absent. */
function variable(name: string): string | undefined {
  return environmentVariable(name) || undefined;
}
