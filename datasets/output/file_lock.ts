/**
 * Locks of files: the operating system's, which end with the process. Those of Deno, Node and Bun exclude each other.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import process from "node:process";

/** An open file that is locked. */
interface LockedFile {
  /** Its identity. */
  readonly id: { readonly dev: number; readonly ino: number | null };
  /** Closes it, which ends the lock. */
  readonly close: () => void;
}

/** What is used here of `Deno`. */
interface DenoFiles {
  open(path: string, options: { write: true; create: true }): Promise<{
    tryLock(exclusive: true): Promise<boolean>;
    stat(): Promise<LockedFile["id"]>;
    close(): void;
  }>;
}

/** Flags that lock a file while it is open (`UV_FS_O_EXLOCK`; on macOS with `O_NONBLOCK`). Linux has none. */
const LOCKING_FLAGS: Readonly<Record<string, number>> = { darwin: 0x20 | 0x4, win32: 0x10000000 };
/** Errors of opening a file that another process has locked so. */
const HELD = ["EAGAIN", "EBUSY"];

/**
 * Locks a file, which is made if it is not there.
 *
 * @returns a function that ends the lock; `undefined` if another process, or another call, holds it
 */
export async function lockFile(path: string): Promise<(() => void) | undefined> {
  const { Deno } = globalThis as { Deno?: DenoFiles };
  for (;;) {
    const file = Deno ? await lockInDeno(Deno, path) : lockInNode(path);
    if (!file) return undefined;
    const { id, close } = file;
    // The holder before removes the file when it ends: a lock on a removed file is none.
    const there = await stat(path).catch(() => undefined);
    if (there?.ino === id.ino && there?.dev === id.dev) return close;
    close();
  }
}

async function lockInDeno(deno: DenoFiles, path: string): Promise<LockedFile | undefined> {
  const file = await deno.open(path, { write: true, create: true });
  const close = () => file.close();
  if (await file.tryLock(true)) return { id: await file.stat(), close };
  close();
}

function lockInNode(path: string): LockedFile | undefined {
  const flags = LOCKING_FLAGS[process.platform] ?? 0;
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | constants.O_CREAT | flags);
  } catch (error) {
    if (flags && HELD.includes((error as { code: string }).code)) return undefined;
    throw error;
  }
  const close = () => closeSync(file);
  const status = flags ? 0 : flock(file);
  if (status === 0) return { id: fstatSync(file), close };
  close();
  if (status === 1) return;
  const found = status === null ? "none" : `that it failed with exit code ${status}`;
  throw new TypeError(`Cannot lock ${path}: expected the command flock (of util-linux), found ${found}`);
}

/**
 * Locks an open file by the command `flock`, since Node has no function for it. The lock belongs to the file that both
 * processes have open, so it outlives the command.
 *
 * @returns the command's status: 1 if another process holds the lock, `null` if there is no such command
 */
function flock(file: number): number | null {
  return spawnSync("flock", ["-xn", "3"], { stdio: ["ignore", "ignore", "ignore", file] }).status;
}
