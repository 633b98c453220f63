/**
 * Compiled graphs, kept for the shapes used last.
 *
 * @module
 */

import { type Backend, Graph, type Program } from "../../kernels/mod.ts";

/** How many programs are kept: an encoder, a decoder and a few more for each of a few shapes. */
const CAPACITY = 12;

/** A program, or one that is still being compiled. */
interface Entry {
  readonly program: Promise<Program>;
  /** Calls that run it now or wait for it. */
  users: number;
  /** Forgotten: to be disposed of once nobody uses it. */
  dropped: boolean;
}

/** Compiles each graph once, and forgets the one that was used least recently. */
export class ProgramCache {
  readonly #backend: Backend;
  readonly #entries = new Map<string, Entry>();
  #memoryLimit: number | undefined;

  constructor(backend: Backend, memoryLimit?: number) {
    this.#backend = backend;
    this.#memoryLimit = memoryLimit;
  }

  /** Hands the program under a key that says all that `record` depends on to `use`, and keeps it alive meanwhile. */
  async use<T>(key: string, record: (graph: Graph) => void, use: (program: Program) => Promise<T>): Promise<T> {
    const entry = this.#find(key, record);
    entry.users++;
    try {
      return await use(await entry.program);
    } finally {
      entry.users--;
      disposeUnused(entry);
    }
  }

  /** Bytes that weights and a run may take; see `PlanOptions`. */
  get memoryLimit(): number | undefined {
    return this.#memoryLimit;
  }

  set memoryLimit(bytes: number | undefined) {
    this.#memoryLimit = bytes;
    this.dispose(); // planned for another limit
  }

  /** Disposes of every program, of those in use when they no longer are. */
  dispose(): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
  }

  #find(key: string, record: (graph: Graph) => void): Entry {
    const entry = this.#entries.get(key) ?? this.#compile(key, record);
    this.#entries.delete(key);
    this.#entries.set(key, entry); // the last in order is the one used last
    if (this.#entries.size > CAPACITY) this.#drop(this.#entries.keys().next().value!);
    return entry;
  }

  #compile(key: string, record: (graph: Graph) => void): Entry {
    const graph = new Graph();
    record(graph);
    const entry: Entry = {
      program: this.#backend.compile(graph, { memoryLimit: this.#memoryLimit }),
      users: 0,
      dropped: false,
    };
    entry.program.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key); // it may be tried again
    });
    return entry;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)!;
    this.#entries.delete(key);
    entry.dropped = true;
    disposeUnused(entry);
  }
}

function disposeUnused({ program, users, dropped }: Entry): void {
  if (dropped && users === 0) program.then((compiled) => compiled.dispose(), () => {});
}
