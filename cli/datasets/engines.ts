/**
 * The engines that tokenize a data set.
 *
 * @module
 */

import type { VQModel } from "../../mod.ts";
import { load } from "../models.ts";
import type { Options } from "../options.ts";

/** Of the free memory, what engines may take together. */
const MEMORY_SHARE = 0.5;

/**
 * Loads a model once for a GPU. On a CPU, once for each thread, since engines of one thread each do not wait for each
 * other; but one engine with all threads if there is a memory limit, too little memory, or fewer pictures than threads.
 *
 * @param pictures number of pictures, if known
 * @param side of the pictures, or what is likely
 */
export async function loadEngines(
  source: string,
  options: Options,
  { pictures = Infinity, side }: { pictures?: number; side: number },
): Promise<VQModel[]> {
  const threads = Number(options.threads ?? navigator.hardwareConcurrency);
  const isOne = threads === 1 || pictures < 2 * threads || options["memory-limit"] !== undefined;
  if (isOne || options.device === "webgpu") return [await load(source, options)];
  const single = { ...options, threads: "1" };
  const first = await load(source, single);
  if (first.device === "webgpu") return [first];
  const { in_channels } = first.config;
  const { peak } = first.memory({ shape: [1, in_channels, side, side], method: "tokenize" });
  if (threads * peak > MEMORY_SHARE * freeMemory()) {
    first.dispose();
    return [await load(source, options)];
  }
  const others = Array.from({ length: threads - 1 }, () => load(source, single));
  return [first, ...await Promise.all(others)];
}

/** Free memory in bytes; unlimited if it may not be asked for. */
function freeMemory(): number {
  const isAllowed = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state === "granted";
  return isAllowed ? Deno.systemMemoryInfo().available : Infinity;
}
