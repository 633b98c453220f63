/**
 * What a model in float16 repeats calls on, where a value is out of float16's range.
 *
 * @module
 */

import { type MemoryUse, NO_MEMORY, type OverflowError } from "../../kernels/mod.ts";
import type { ProgramCache } from "./program_cache.ts";
import type { ReplaceableEngine } from "./replaceable_engine.ts";

/** The same model in float32, for calls in which a value is out of float16's range. Opened when there is the first. */
export class Float32Engine {
  readonly #open: () => Promise<ReplaceableEngine>;
  readonly #onRepeat: (reason: string) => void;
  #opening: Promise<ReplaceableEngine> | undefined;
  #engine: ReplaceableEngine | undefined;
  #disposed = false;

  /** `open` opens the model in float32, once; `onRepeat` is told of each call. */
  constructor(open: () => Promise<ReplaceableEngine>, onRepeat: (reason: string) => void) {
    this.#open = open;
    this.#onRepeat = onRepeat;
  }

  /** Bytes it holds now. */
  get memory(): MemoryUse {
    return this.#engine?.backend.memory ?? NO_MEMORY;
  }

  /** Repeats what failed with an error; see {@linkcode ProgramCache.memoryLimit}. */
  async repeat<T>(
    { message }: OverflowError,
    memoryLimit: number | undefined,
    call: (programs: ProgramCache) => Promise<T>,
  ): Promise<T> {
    this.#onRepeat(message);
    this.#opening ??= this.#start();
    const engine = await this.#opening;
    return await engine.use((programs) => {
      if (programs.memoryLimit !== memoryLimit) programs.memoryLimit = memoryLimit;
      return call(programs);
    });
  }

  /** Frees what it holds, or will hold when it has been opened. */
  dispose(): void {
    this.#disposed = true;
    this.#engine?.dispose();
  }

  async #start(): Promise<ReplaceableEngine> {
    try {
      this.#engine = await this.#open();
      if (this.#disposed) this.#engine.dispose();
      return this.#engine;
    } catch (error) {
      this.#opening = undefined; // it may be tried again
      throw error;
    }
  }
}
