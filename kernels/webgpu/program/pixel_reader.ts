/**
 * Reading pictures back as pixels: a third of their bytes.
 *
 * @module
 */

import type { Program } from "../../backend.ts";
import type { PixelRange, Shape } from "../../tensor/storage.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** How many programs are kept. What is dropped holds a few hundred bytes, which go with the garbage. */
const CAPACITY = 8;

/** Compiles a program for each shape and range. */
export class PixelReader {
  readonly #compile: (shape: Shape, range: PixelRange) => Promise<Program>;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(compile: (shape: Shape, range: PixelRange) => Promise<Program>) {
    this.#compile = compile;
  }

  /** The pixels of a tensor of this engine. */
  async read(tensor: Tensor, range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const program = await this.#program(tensor.shape, range);
    const [result] = await program.run([tensor]);
    using pixels = result;
    return new Uint8ClampedArray((await pixels.data()).buffer);
  }

  #program(shape: Shape, range: PixelRange): Promise<Program> {
    const key = `${range} ${shape}`;
    const program = this.#programs.get(key) ?? this.#compile(shape, range);
    this.#programs.delete(key);
    this.#programs.set(key, program); // the last in order is the one used last
    program.catch(() => this.#programs.delete(key)); // it may be tried again
    if (this.#programs.size > CAPACITY) this.#programs.delete(this.#programs.keys().next().value!);
    return program;
  }
}
