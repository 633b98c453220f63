/**
 * Replaces the model in a folder, so that no reader ever loads parts of both models.
 *
 * A model has several files, and no file system replaces several at once. So the new files are made in a folder of their
 * own first. When they are complete, `config.json` is replaced by a sentence that every loader, Python's included, refuses;
 * then the weights are replaced, and the new configuration comes last. All of this happens under a lock. If this process is
 * suspended and another one takes the lock over, that one first moves this one's new files away, so that none can be put in
 * place later.
 *
 * @module
 */

import { copyFile, mkdir, readdir, rename, rm, stat } from "../system/files.ts";
import { basename, join } from "../system/file_paths.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { LockLostError, withLock } from "../cache/lock.ts";
import { CONFIG_NAME } from "./model_files.ts";
import { renameSynced, writeSynced } from "../system/atomic_write.ts";
import { isSystemError } from "../system/system_errors.ts";

/** The content of `config.json` while weights are replaced. */
export const UNFINISHED = "saving a model here was interrupted, or still goes on. Save it again, or wait";

const LOCK_NAME = ".vqmodel-save.lock";
const STAGE_PREFIX = ".vqmodel-save-";

/**
 * Replaces the model in a folder. If that fails, the old one stays. Leftovers of earlier attempts are removed.
 *
 * @param write writes the new files, `config.json` among them, into an empty folder
 * @param isWeights whether a name is that of a weight file, which is removed if the new model has no file of that name
 * @throws {HubError} if the folder cannot be written to, or another process took over
 */
export async function exchangeModel(
  folder: string,
  write: (stage: string) => Promise<void>,
  isWeights: (name: string) => boolean,
): Promise<void> {
  const stage = join(folder, STAGE_PREFIX + crypto.randomUUID());
  try {
    await withLock(join(folder, LOCK_NAME), async () => {
      try {
        for (const name of ["", "new", "old", "unfinished"]) await mkdir(join(stage, name));
        await removeLeftovers(folder, stage);
        const hasModel = await hasConfig(folder);
        await write(join(stage, "new"));
        await writeSynced(join(stage, "unfinished", CONFIG_NAME), UNFINISHED);
        await moveIn(folder, stage, hasModel, isWeights);
      } finally {
        await rm(stage, { recursive: true, force: true });
      }
    });
  } catch (cause) {
    if (!(cause instanceof LockLostError) && !isSystemError(cause)) throw cause;
    throw new HubError(`Cannot save to ${folder}: ${reasonOf(cause)}`, { cause });
  }
}

/** Removes the files of other processes that are dead or suspended: the latter find nothing to put in place later. */
async function removeLeftovers(folder: string, stage: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(STAGE_PREFIX) || name === basename(stage)) continue;
    await rename(join(folder, name), join(stage, name)); // atomic, unlike the removal
    await rm(join(stage, name), { recursive: true, force: true });
  }
}

async function moveIn(
  folder: string,
  stage: string,
  hasModel: boolean,
  isWeights: (name: string) => boolean,
): Promise<void> {
  const [fresh, old] = [join(stage, "new"), join(stage, "old")];
  const weights = (await readdir(fresh)).filter((name) => name !== CONFIG_NAME);
  const obsolete = (await readdir(folder)).filter((name) => isWeights(name) && !weights.includes(name));
  const move = (name: string, from: string, to: string) => renameSynced(join(from, name), join(to, name));

  if (hasModel) await copyFile(join(folder, CONFIG_NAME), join(old, CONFIG_NAME));
  let moved = 0;
  try {
    if (hasModel) await move(CONFIG_NAME, join(stage, "unfinished"), folder);
    for (const name of weights) {
      await move(name, fresh, folder);
      moved++;
    }
    for (const name of obsolete) await move(name, folder, old);
    await move(CONFIG_NAME, fresh, folder);
  } catch (error) {
    if (hasModel && moved === 0) await move(CONFIG_NAME, old, folder).catch(() => {});
    throw error;
  }
}

/** Whether there is a configuration. A broken link does not count. */
async function hasConfig(folder: string): Promise<boolean> {
  const there = await stat(join(folder, CONFIG_NAME)).catch(() => undefined);
  if (there && !there.isFile()) {
    throw new HubError(`Cannot save to ${folder}: expected ${CONFIG_NAME} there to be a file, or nothing of that name`);
  }
  return there !== undefined;
}
