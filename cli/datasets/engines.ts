/**
 * The engines that tokenize a data set.
 *
 * @module
 */

import type { VQModel } from "../../mod.ts";
import { load } from "../models.ts";
import type { Options } from "../options.ts";
/** Of the free memory, what a second engine may take. */
const MEMORY_SHARE = 0.5;

/** With fewer pictures, a second engine would save less time than it takes to load. */
const FEW_PICTURES = 8;

/**
 * Loads a model: on a GPU once; on a CPU twice, with all threads each, so that one engine computes while threads of the other
 * wait for each other, which is 1.07 to 1.1 times as fast (see `deno task bench:datasets`). Once for few pictures, with a
 * memory limit, and where memory is short.
 *
 * @param only the half of the model that is needed
 * @param pictures number of pictures, if known
 * @param side of the pictures, or what is likely
 */
export async function loadEngines(
  source: string,
  options: Options,
  { only, pictures = Infinity, side }: { only: "encoder" | "decoder"; pictures?: number; side: number },
): Promise<VQModel[]> {
  const first = await load(source, options, { only });
  const isAlone = first.device === "webgpu" || options.threads === "1" || pictures < FEW_PICTURES ||
    options["memory-limit"] !== undefined;
  if (isAlone) return [first];
  const { config: { in_channels }, downsamplingFactor: factor } = first;
  const { peak } = only === "encoder"
    ? first.memory({ shape: [1, in_channels, side, side], method: "tokenize" })
    : first.memory({ shape: [1, Math.ceil(side / factor), Math.ceil(side / factor)], method: "detokenize" });
  return peak < MEMORY_SHARE * freeMemory() ? [first, await load(source, options, { only })] : [first];
}

/** Free memory in bytes; unlimited if it may not be asked for. */
function freeMemory(): number {
  const isAllowed = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state === "granted";
  return isAllowed ? Deno.systemMemoryInfo().available : Infinity;
}
