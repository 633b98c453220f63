/**
 * What the environment says about the Hub, by the variables that Python's `huggingface_hub` reads. What may not be read
 * counts as absent.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
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

/** Whether `HF_HUB_OFFLINE` asks to do without the network. */
export function isOfflineMode(): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(variable("HF_HUB_OFFLINE")?.toUpperCase() ?? "");
}

/** Where Python's `huggingface_hub` keeps its cache; `undefined` where that cannot be told. */
export function defaultCacheDir(): string | undefined {
  const explicit = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE");
  if (explicit !== undefined) return expandHome(explicit);
  const home = hubHome();
  return home && join(home, "hub");
}

/** The token of `HF_TOKEN`, or of the file that `hf auth login` writes. */
export async function findToken(): Promise<FoundToken | undefined> {
  const token = variable("HF_TOKEN")?.trim();
  if (token) return { value: token, source: "HF_TOKEN" };

  const home = hubHome();
  const path = variable("HF_TOKEN_PATH") ?? (home && join(home, "token"));
  if (!path || !isGranted({ name: "read", path: expandHome(path) })) return undefined;
  const text = await readFile(expandHome(path), "utf-8").catch(() => ""); // most people have no such file
  return text.trim() ? { value: text.trim(), source: path } : undefined;
}

/** A path with a leading `~` replaced by the user's folder, where that is known. */
export function expandHome(path: string): string {
  if (!/^~(?=$|[\\/])/.test(path)) return path;
  const home = userFolder();
  return home ? home + path.slice(1) : path;
}

/** The folder of Hugging Face's things. */
function hubHome(): string | undefined {
  const explicit = variable("HF_HOME");
  if (explicit !== undefined) return expandHome(explicit);
  const caches = variable("XDG_CACHE_HOME") ?? join("~", ".cache");
  const expanded = expandHome(caches);
  return expanded.startsWith("~") ? undefined : join(expanded, "huggingface");
}

function userFolder(): string | undefined {
  return variable("HOME") ?? variable("USERPROFILE") ??
    (isGranted({ name: "sys", kind: "homedir" }) ? homedir() : undefined);
}

function variable(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? process.env[name] || undefined : undefined;
}
