/**
 * Where the values of a graph lie: values that do not live at the same time share memory.
 *
 * @module
 */

import { type Graph, type Node, type Op, operands, overwritable, sharedOperand } from "../../graph/graph.ts";
import type { Steps } from "../../host/steps.ts";
import { type Addresses, type Context, lower, type Lowering, resultBytes, rowOffset } from "../ops/mod.ts";
import { Spans } from "../memory/allocator.ts";

/** One op with its place for shared intermediate values, relative to the plan's block. */
interface Step {
  readonly op: Op;
  readonly lowering: Lowering;
  readonly temporary: number;
}

/** A graph, planned. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Offsets of values in the plan's block; inputs and outputs may lie elsewhere. */
  readonly offsets: ReadonlyMap<Node, number>;
  /** Where values are that have no place of their own. */
  readonly parts: ReadonlyMap<Node, Part>;
  /** Bytes of the block. */
  readonly bytes: number;
  /** Bytes of workspace for each thread. */
  readonly workspace: number;
}

/** A value that lies in the place of another. */
export interface Part {
  readonly owner: Node;
  /** Bytes from the beginning of the owner. */
  readonly offset: number;
}

/** Plans a graph. */
export function* plan(graph: Graph, context: Context): Steps<Plan> {
  const spans = new Spans(0);
  const offsets = new Map<Node, number>();
  const parts = findParts(graph);
  const owner = (node: Node) => parts.get(node)?.owner ?? node;
  const lasts = lastUses(graph, owner);
  const outputs = new Set(graph.outputs.map(owner));
  const steps: Step[] = [];
  /** Whether `node` may be overwritten while `op`, which reads it, is computed. */
  const diesIn = (op: Op, node: Node) => {
    const isOnlyOperand = operands(op).filter((operand) => owner(operand) === node).length === 1;
    return isOnlyOperand && lasts.get(node) === op.id && offsets.has(node) && node.kind !== "input";
  };

  // Inputs are written before the first op is computed.
  for (const op of graph.nodes) {
    if (op.kind === "input" && !outputs.has(op)) offsets.set(op, spans.allocate(resultBytes(op)));
  }
  for (const op of graph.nodes) {
    if (op.kind === "rows" || op.kind === "input") continue;
    yield;
    const ownsPlace = owner(op) === op && !outputs.has(op);
    const overwritten = ownsPlace ? overwritable(op).find((node) => diesIn(op, node)) : undefined;
    if (overwritten) offsets.set(op, offsets.get(overwritten)!);
    else if (ownsPlace) offsets.set(op, spans.allocate(resultBytes(op)));
    const lowering = lower(op, context);
    const temporary = spans.allocate(lowering.temporary);
    steps.push({ op, lowering, temporary });
    spans.free(temporary);
    for (const node of new Set(operands(op).map(owner))) {
      if (lasts.get(node) === op.id && node !== overwritten && offsets.has(node)) spans.free(offsets.get(node)!);
    }
    if (!lasts.has(op) && offsets.has(op)) spans.free(offsets.get(op)!);
  }
  return {
    steps,
    offsets,
    parts,
    bytes: spans.top,
    workspace: steps.reduce((most, { lowering }) => Math.max(most, lowering.workspace), 0),
  };
}

/** The values that lie in the place of another. */
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

/** For each value that is read, also in parts, the id of the last op that does. */
function lastUses(graph: Graph, owner: (node: Node) => Node): Map<Node, number> {
  const lasts = new Map<Node, number>();
  for (const op of graph.nodes) {
    for (const node of operands(op)) lasts.set(owner(node), op.id);
  }
  return lasts;
}

/** The addresses of one run, whose values lie in a block at `base` or where `elsewhere` says. */
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
