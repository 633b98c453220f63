/**
 * What a model in float16 repeats calls on, where a value is out of float16's range.
 *
 * @module
 */

import type { Backend, MemoryUse, OverflowError } from "../kernels/mod.ts";
import { ProgramCache } from "./programs.ts";

/** The same model in float32, for calls in which a value is out of float16's range. Opened when there is the first. */
export class Float32Engine {
  readonly #open: () => Promise<Backend>;
  readonly #onRepeat: (reason: string) => void;
  #backend: Backend | undefined;
  #programs: Promise<ProgramCache> | undefined;
  #disposed = false;

  /** `open` opens the model in float32, once; `onRepeat` is told of each call. */
  constructor(open: () => Promise<Backend>, onRepeat: (reason: string) => void) {
    this.#open = open;
    this.#onRepeat = onRepeat;
  }

  /** Bytes it holds now. */
  get memory(): MemoryUse {
    return this.#backend?.memory ?? { weights: 0, buffers: 0 };
  }

  /** Repeats what failed with an error; see {@linkcode ProgramCache.memoryLimit}. */
  async repeat<T>(
    { message }: OverflowError,
    memoryLimit: number | undefined,
    call: (programs: ProgramCache) => Promise<T>,
  ): Promise<T> {
    this.#onRepeat(message);
    this.#programs ??= this.#start();
    const programs = await this.#programs;
    if (programs.memoryLimit !== memoryLimit) programs.memoryLimit = memoryLimit;
    return await call(programs);
  }

  /** Frees what it holds, or will hold when it has been opened. */
  dispose(): void {
    this.#disposed = true;
    this.#programs?.then((programs) => programs.dispose(), () => {});
    this.#backend?.dispose();
  }

  async #start(): Promise<ProgramCache> {
    try {
      this.#backend = await this.#open();
      if (this.#disposed) this.#backend.dispose();
      return new ProgramCache(this.#backend);
    } catch (error) {
      this.#programs = undefined; // it may be tried again
      throw error;
    }
  }
}
