/**
 * What an op becomes: jobs, and the memory they need besides the op's operands and result.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";
import type { Job } from "../threads/job.ts";
import type { Parameters } from "./packed_weights.ts";

/** What is known when a graph is compiled. */
export interface Context {
  readonly threads: number;
  readonly parameters: Parameters;
}

/** Where things lie in one run. */
export interface Addresses {
  of(node: Node): number;
  /** {@linkcode Lowering.temporary} bytes. */
  readonly temporary: number;
  /** {@linkcode Lowering.workspace} bytes for each thread. */
  readonly workspace: number;
}

/** An op, ready to run. */
export interface Lowering {
  /** Bytes that the op's jobs share. */
  readonly temporary: number;
  /** Bytes that each thread has to itself. */
  readonly workspace: number;
  jobs(at: Addresses): Job[];
}

/** Into how many blocks to cut `units` of work so that none has more than `largest`, and every thread gets as many. */
export function blocksOf(units: number, largest: number, threads: number): number {
  return Math.max(1, Math.min(units, threads * Math.ceil(units / threads / largest)));
}
