/**
 * Compiled programs, kept for the shapes used last.
 *
 * @module
 */

import type { Program } from "../../kernels/mod.ts";

/** Enough for an encoder, a decoder and a few more passes, for each of a few shapes. */
const CAPACITY = 12;

interface Entry {
  readonly program: Promise<Program>;
  /** How many leases there are. */
  users: number;
  /** No longer in the cache: to be disposed of with the last lease. */
  dropped: boolean;
}

/** Keeps a program from being disposed of, until the lease ends. */
export interface Lease {
  /** Rejects if the program cannot be compiled. */
  readonly program: Promise<Program>;
  /** Ends the lease, once. */
  end(): void;
}

/** Compiles each program once, and drops the least recently used. */
export class ProgramCache {
  readonly #entries = new Map<string, Entry>();

  /**
   * The program under a key; `compile` is called where there is none. The key must say all that `compile` depends on.
   */
  lease(key: string, compile: () => Promise<Program>): Lease {
    const entry = this.#entries.get(key) ?? this.#compile(key, compile);
    this.#entries.delete(key);
    this.#entries.set(key, entry); // the most recently used is the last one
    if (this.#entries.size > CAPACITY) this.#drop(this.#entries.keys().next().value!);
    entry.users++;
    return {
      program: entry.program,
      end() {
        entry.users--;
        disposeUnused(entry);
      },
    };
  }

  /** Drops every program. Those in use are disposed of with their last lease. */
  clear(): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
  }

  #compile(key: string, compile: () => Promise<Program>): Entry {
    const entry: Entry = { program: compile(), users: 0, dropped: false };
    entry.program.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key); // the next call tries again
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
