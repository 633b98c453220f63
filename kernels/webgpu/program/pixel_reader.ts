/**
 * Reads pictures back as RGBA pixels, a third of the bytes of their floats.
 *
 * @module
 */

import type { Program } from "../../backend.ts";
import type { PixelRange, Shape } from "../../tensor/storage.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** Programs to keep. Those that are dropped hold a few hundred bytes until they are garbage-collected. */
const CAPACITY = 8;

/** Compiles a program for each shape and range. */
export class PixelReader {
  readonly #compile: (shape: Shape, range: PixelRange) => Promise<Program>;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(compile: (shape: Shape, range: PixelRange) => Promise<Program>) {
    this.#compile = compile;
  }

  /** Converts a tensor of this engine to pixels. */
  async read(tensor: Tensor, range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const program = await this.#program(tensor.shape, range);
    const [result] = await program.run([tensor]);
    try {
      return new Uint8ClampedArray((await result.data()).buffer);
    } finally {
      result.dispose();
    }
  }

  #program(shape: Shape, range: PixelRange): Promise<Program> {
    const key = `${range} ${shape}`;
    const program = this.#programs.get(key) ?? this.#compile(shape, range);
    this.#programs.delete(key);
    this.#programs.set(key, program); // ordered by last use
    program.catch(() => this.#programs.delete(key)); // so that it can be retried
    if (this.#programs.size > CAPACITY) this.#programs.delete(this.#programs.keys().next().value!);
    return program;
  }
}
