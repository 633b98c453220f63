/**
 * Paths as people write them into variables: `~` and `$NAME` stand for something, as in Python's `os.path`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import process from "node:process";
import { isGranted } from "./permissions.ts";

/** The value of an environment variable; `undefined` where there is none, or it may not be read. */
export function environmentVariable(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? process.env[name] : undefined;
}

/** A path with its `~` replaced, then its variables: `os.path.expandvars(os.path.expanduser(path))`. */
export function expandPath(path: string): string {
  return expandVariables(expandUser(path));
}

/**
 * A path with a leading `~` or `~NAME` replaced by that user's folder, where it is known; Python's `os.path.expanduser`.
 */
export function expandUser(path: string): string {
  const [start, name] = /^~([^\\/]*)/.exec(path) ?? [];
  if (start === undefined) return path;
  const folder = name === "" ? ownFolder() : folderOf(name!);
  if (folder === undefined) return path;
  return folder.replace(/\/+$/, "") + path.slice(start.length) || "/";
}

/**
 * A path with `$NAME` and `${NAME}` replaced by what those variables hold, on Windows `%NAME%` too. What holds nothing
 * known stays as it is. Python's `os.path.expandvars`.
 */
function expandVariables(path: string): string {
  const variables = process.platform === "win32" ? /\$(\w+|\{[^}=]+\})|%[^%=]+%/g : /\$(\w+|\{[^}=]+\})/g;
  return path.replace(variables, (found) => environmentVariable(found.replace(/^(\$\{?|%)|[}%]$/g, "")) ?? found);
}

function ownFolder(): string | undefined {
  return environmentVariable("HOME") || environmentVariable("USERPROFILE") ||
    (isGranted({ name: "sys", kind: "homedir" }) ? homedir() : undefined);
}

/** The folder of another user, as the system's list of them has it: `NAME:PASSWORD:UID:GID:COMMENT:FOLDER:SHELL`. */
function folderOf(user: string): string | undefined {
  const list = "/etc/passwd";
  if (!isGranted({ name: "read", path: list })) return undefined;
  try {
    const line = readFileSync(list, "utf-8").split("\n").find((line) => line.startsWith(`${user}:`));
    return line?.split(":")[5];
  } catch {
    return undefined; // not every system has such a list
  }
}
