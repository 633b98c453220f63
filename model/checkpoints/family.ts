/**
 * What a family of checkpoints is: other names, and sometimes other tensors, for the graph of Diffusers' `VQModel`.
 *
 * @module
 */

import type { Shape } from "../../kernels/mod.ts";
import type { FamilyConfig } from "../architecture/config.ts";

/** The codebook, by Diffusers' name. */
export const CODEBOOK = "quantize.embedding.weight";

/** The shapes of tensors by their names. */
export type Shapes = ReadonlyMap<string, Shape>;

/** Where a tensor of the model comes from. */
export interface Origin {
  /** Its shape in the model. */
  readonly shape: Shape;
  /** The tensor of the checkpoint that it is made of; constants have none. */
  readonly key?: string;
  /** Makes its elements of the checkpoint's, which it may overwrite. By default they are the same. */
  readonly make?: (values: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>;
}

/** The tensors of a model by Diffusers' names. */
export type Origins = Map<string, Origin>;

/** A family of checkpoints. */
export interface Family {
  /** What its models have beyond Diffusers' configuration; absent for Diffusers' own. */
  readonly config?: FamilyConfig;
  /**
   * Whether a checkpoint is one of the family's.
   *
   * @param shapes the tensors of the model, by the names in the checkpoint less the prefix of all of them
   * @param configuration what lies beside the checkpoint, parsed; `undefined` for nothing
   * @param prefix what the names in the checkpoint begin with
   */
  matches(shapes: Shapes, configuration: unknown, prefix: string): boolean;
  /** Diffusers' name for a tensor of a model of so many levels. Names that the family does not know stay as they are. */
  rename(name: string, levels: number): string;
  /** Adds tensors that checkpoints of the family do without, and changes those that mean something else there. */
  complete?(tensors: Origins): void;
}
