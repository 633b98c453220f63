/**
 * Expands `~` and `$NAME` in paths, as Python's `os.path` does.
 *
 * @module
 */

import { findNodeModule, findProcess } from "./node_modules.ts";
import { isGranted } from "./permissions.ts";

/** The value of an environment variable; `undefined` if it is not set or may not be read. */
export function environmentVariable(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? findProcess()?.env[name] : undefined;
}

/** Expands `~`, then variables: `os.path.expandvars(os.path.expanduser(path))`. */
export function expandPath(path: string): string {
  return expandVariables(expandUser(path));
}

/** Replaces a leading `~` or `~NAME` by that user's home folder, if it is known: `os.path.expanduser`. */
export function expandUser(path: string): string {
  const [start, name] = /^~([^\\/]*)/.exec(path) ?? [];
  if (start === undefined) return path;
  const folder = name === "" ? ownFolder() : folderOf(name!);
  if (folder === undefined) return path;
  return folder.replace(/\/+$/, "") + path.slice(start.length) || "/";
}

/**
 * Replaces `$NAME` and `${NAME}`, on Windows also `%NAME%`, by the values of those environment variables. Unknown variables
 * stay unchanged: `os.path.expandvars`.
 */
function expandVariables(path: string): string {
  const variables = findProcess()?.platform === "win32" ? /\$(\w+|\{[^}=]+\})|%[^%=]+%/g : /\$(\w+|\{[^}=]+\})/g;
  return path.replace(variables, (found) => environmentVariable(found.replace(/^(\$\{?|%)|[}%]$/g, "")) ?? found);
}

function ownFolder(): string | undefined {
  return environmentVariable("HOME") || environmentVariable("USERPROFILE") ||
    (isGranted({ name: "sys", kind: "homedir" }) ? findNodeModule("node:os")?.homedir() : undefined);
}

/** The home folder of another user, from `/etc/passwd`: `NAME:PASSWORD:UID:GID:COMMENT:FOLDER:SHELL`. */
function folderOf(user: string): string | undefined {
  const list = "/etc/passwd";
  if (!isGranted({ name: "read", path: list })) return undefined;
  try {
    const line = findNodeModule("node:fs")?.readFileSync(list, "utf-8").split("\n").find((line) =>
      line.startsWith(`${user}:`)
    );
    return line?.split(":")[5];
  } catch {
    return undefined; // not every system has this file
  }
}
