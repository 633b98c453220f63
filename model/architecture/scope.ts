/**
 * Names of weights: model code spells the keys of the checkpoint.
 *
 * @module
 */

import type { CodebookParameter, ConvParameter, LinearParameter, NormParameter } from "../../kernels/mod.ts";

/** Names weights under a prefix. */
export class Scope {
  readonly #prefix: string;

  /** The scope of the whole checkpoint, or of a prefix. */
  constructor(prefix = "") {
    this.#prefix = prefix;
  }

  /** The scope of `name` in this one. */
  at(name: string): Scope {
    return new Scope(this.#name(name));
  }

  /** A convolution; 3×3 unless `kernel` says otherwise. */
  conv(
    name: string,
    { in: ins, out, kernel = 3, stride = 1 }: { in: number; out: number; kernel?: 1 | 3; stride?: 1 | 2 },
  ): ConvParameter {
    return { kind: "conv", name: this.#name(name), in: ins, out, kernel, stride };
  }

  /** A fully connected layer. */
  linear(name: string, { in: ins, out }: { in: number; out: number }): LinearParameter {
    return { kind: "linear", name: this.#name(name), in: ins, out };
  }

  /** A normalization: the weights of this prefix itself, or of `name` below it. */
  norm(name: string, channels: number): NormParameter {
    return { kind: "norm", name: this.#name(name), channels };
  }

  /** The code vectors. */
  codebook(name: string, { codes, channels }: { codes: number; channels: number }): CodebookParameter {
    return { kind: "codebook", name: this.#name(name), codes, channels };
  }

  #name(name: string): string {
    return this.#prefix ? `${this.#prefix}.${name}` : name;
  }
}
