/**
 * Compiled graphs, kept for the shapes used last.
 *
 * @module
 */

import { type Backend, Graph, type Program } from "../kernels/mod.ts";

/** How many programs are kept: an encoder, a decoder and a few more for each of a few shapes. */
const CAPACITY = 12;

/** Compiles each graph once, and forgets the one that was used least recently. */
export class ProgramCache {
  readonly #backend: Backend;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** The program under a key that says all that `record` depends on. */
  get(key: string, record: (graph: Graph) => void): Promise<Program> {
    const program = this.#programs.get(key) ?? this.#compile(key, record);
    this.#programs.delete(key);
    this.#programs.set(key, program); // the last in order is the one used last
    if (this.#programs.size > CAPACITY) this.#drop(this.#programs.keys().next().value!);
    return program;
  }

  /** Disposes of every program. */
  dispose(): void {
    for (const key of [...this.#programs.keys()]) this.#drop(key);
  }

  #compile(key: string, record: (graph: Graph) => void): Promise<Program> {
    const graph = new Graph();
    record(graph);
    const program = this.#backend.compile(graph);
    program.catch(() => this.#programs.delete(key)); // a failed compilation may be tried again
    return program;
  }

  #drop(key: string): void {
    const program = this.#programs.get(key);
    this.#programs.delete(key);
    program?.then((compiled) => compiled.dispose(), () => {});
  }
}
