/**
 * Memory planning by liveness: values that are not live at the same time share memory.
 *
 * @module
 */

import { type Graph, type Node, type Op, operands, overwritable, sharedOperand } from "../../graph/graph.ts";
import type { Steps } from "../../host/steps.ts";
import {
  type Addresses,
  type EngineState,
  findFusedNorms,
  lower,
  type Lowering,
  resultBytes,
  rowOffset,
} from "../ops/mod.ts";
import { Allocator } from "../memory/allocator.ts";

/** One op with the offset of its temporary memory in the plan's block. */
interface Step {
  readonly op: Op;
  readonly lowering: Lowering;
  readonly temporary: number;
}

/** The plan of a graph. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Offsets of values in the plan's block; inputs and outputs may lie elsewhere. */
  readonly offsets: ReadonlyMap<Node, number>;
  /** The values that share the memory of others. */
  readonly parts: ReadonlyMap<Node, Part>;
  /** Bytes of the block. */
  readonly bytes: number;
  /** Bytes of workspace for each thread. */
  readonly workspace: number;
}

/** A value that lies in the memory of another. */
export interface Part {
  readonly owner: Node;
  /** Byte offset in the owner. */
  readonly offset: number;
}

/** Plans a graph. */
export function* plan(graph: Graph, state: EngineState): Steps<Plan> {
  const fused = findFusedNorms(graph, state.algorithm);
  /** What an op reads: a convolution that applies a norm reads what the norm did. */
  const reads = (op: Op) => {
    const norm = fused.ofConv.get(op);
    return norm ? [norm.x, ...operands(op)] : operands(op);
  };
  const context = { ...state, fused };
  const allocator = new Allocator(0);
  const offsets = new Map<Node, number>();
  const parts = findParts(graph);
  const owner = (node: Node) => parts.get(node)?.owner ?? node;
  const lasts = lastUses(graph, (op) => reads(op).map(owner));
  const outputs = new Set(graph.outputs.map(owner));
  const steps: Step[] = [];
  /** Whether `op` reads `node` for the last time, so that its result may overwrite it. */
  const diesIn = (op: Op, node: Node) => {
    const isOnlyOperand = reads(op).filter((operand) => owner(operand) === node).length === 1;
    return isOnlyOperand && lasts.get(node) === op.id && offsets.has(node) && node.kind !== "input";
  };

  // Inputs are written before the first op is computed.
  for (const op of graph.nodes) {
    if (op.kind === "input" && !outputs.has(op)) offsets.set(op, allocator.allocate(resultBytes(op)));
  }
  for (const op of graph.nodes) {
    if (op.kind === "rows" || op.kind === "input") continue;
    yield;
    const ownsPlace = owner(op) === op && !outputs.has(op);
    const overwritten = ownsPlace ? overwritable(op).find((node) => diesIn(op, node)) : undefined;
    if (overwritten) offsets.set(op, offsets.get(overwritten)!);
    else if (ownsPlace) offsets.set(op, allocator.allocate(resultBytes(op, fused)));
    const lowering = lower(op, context);
    const temporary = allocator.allocate(lowering.temporary);
    steps.push({ op, lowering, temporary });
    allocator.free(temporary);
    for (const node of new Set(reads(op).map(owner))) {
      if (lasts.get(node) === op.id && node !== overwritten && offsets.has(node)) allocator.free(offsets.get(node)!);
    }
    if (!lasts.has(op) && offsets.has(op)) allocator.free(offsets.get(op)!);
  }
  return {
    steps,
    offsets,
    parts,
    bytes: allocator.top,
    workspace: steps.reduce((most, { lowering }) => Math.max(most, lowering.workspace), 0),
  };
}

/** The values that share the memory of others. */
function findParts({ nodes }: Graph): Map<Node, Part> {
  const parts = new Map<Node, Part>();
  for (const op of nodes) {
    const whole = sharedOperand(op);
    if (!whole) continue;
    const { owner, offset } = parts.get(whole) ?? { owner: whole, offset: 0 };
    parts.set(op, { owner, offset: offset + (op.kind === "rows" ? rowOffset(whole, op.image, op.first) : 0) });
  }
  return parts;
}

/** The id of the last op that reads each value or a part of it. */
function lastUses({ nodes }: Graph, reads: (op: Op) => readonly Node[]): Map<Node, number> {
  return new Map(nodes.flatMap((op) => reads(op).map((node) => [node, op.id] as const)));
}

/** The addresses of one run, whose values lie in a block at `base`, except those of `elsewhere`. */
export function addressesOf(
  { offsets, parts }: Plan,
  base: number,
  workspace: number,
  elsewhere: ReadonlyMap<Node, number>,
): (temporary: number) => Addresses {
  const place = (node: Node) => elsewhere.get(node) ?? base + offsets.get(node)!;
  const of = (node: Node) => {
    const part = parts.get(node);
    return part ? place(part.owner) + part.offset : place(node);
  };
  return (temporary) => ({ of, temporary: base + temporary, workspace });
}
