/**
 * Functions of `node:fs/promises`, loaded when they are first called. Where there is no file system, they reject with a
 * {@linkcode HubError}.
 *
 * @module
 */

import { nodeModule } from "./node_modules.ts";

type Files = typeof import("node:fs/promises");
type FileFunction = Exclude<keyof Files, "constants" | "default">;

export const copyFile: Files["copyFile"] = late("copyFile");
export const link: Files["link"] = late("link");
export const lstat: Files["lstat"] = late("lstat");
export const mkdir: Files["mkdir"] = late("mkdir");
export const mkdtemp: Files["mkdtemp"] = late("mkdtemp");
export const open: Files["open"] = late("open");
export const readdir: Files["readdir"] = late("readdir");
export const readFile: Files["readFile"] = late("readFile");
export const readlink: Files["readlink"] = late("readlink");
export const realpath: Files["realpath"] = late("realpath");
export const rename: Files["rename"] = late("rename");
export const rm: Files["rm"] = late("rm");
export const stat: Files["stat"] = late("stat");
export const symlink: Files["symlink"] = late("symlink");
export const unlink: Files["unlink"] = late("unlink");
export const utimes: Files["utimes"] = late("utimes");
export const writeFile: Files["writeFile"] = late("writeFile");

function late<Name extends FileFunction>(name: Name): Files[Name] {
  const call = async (...values: unknown[]) => {
    const found = nodeModule("node:fs/promises")[name] as (...values: unknown[]) => unknown;
    return await found(...values);
  };
  return call as Files[Name];
}
