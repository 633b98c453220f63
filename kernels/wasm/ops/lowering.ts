/**
 * The interface of lowered ops: their jobs, and the memory that these need besides the op's operands and result.
 *
 * @module
 */

import type { GroupNorm, Node } from "../../graph/graph.ts";
import type { Job } from "../threads/job.ts";
import type { Parameters } from "./packed_weights.ts";

/** How to compute 3×3 convolutions. */
export type ConvAlgorithm = "implicitGemm" | "winograd";

/** The engine's state that lowering depends on. */
export interface EngineState {
  readonly threads: number;
  readonly parameters: Parameters;
  /** How to compute 3×3 convolutions; by default as the shape suggests. */
  readonly algorithm: ConvAlgorithm | undefined;
}

/** The norms of a graph that convolutions apply. What is left of such a norm are its coefficients. */
export interface FusedNorms {
  /** The norm that a convolution applies to what the norm reads. */
  readonly ofConv: ReadonlyMap<Node, GroupNorm>;
  /** All of them. */
  readonly norms: ReadonlySet<Node>;
}

/** What lowering depends on. */
export interface Context extends EngineState {
  readonly fused: FusedNorms;
}

/** Addresses in one run. */
export interface Addresses {
  of(node: Node): number;
  /** Of {@linkcode Lowering.temporary} bytes. */
  readonly temporary: number;
  /** Of {@linkcode Lowering.workspace} bytes for each thread. */
  readonly workspace: number;
}

/** A lowered op. */
export interface Lowering {
  /** Bytes that all of the op's jobs share. */
  readonly temporary: number;
  /** Bytes private to each thread. */
  readonly workspace: number;
  jobs(at: Addresses): Job[];
}

/** Number of blocks for `units` of work: at most `largest` units each, and the same number of blocks for each thread. */
export function blocksOf(units: number, largest: number, threads: number): number {
  return Math.max(1, Math.min(units, threads * Math.ceil(units / threads / largest)));
}
