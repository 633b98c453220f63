/**
 * Where the values of a graph lie: values that do not live at the same time share memory.
 *
 * @module
 */

import { type Graph, type Input, type Node, type Op, operands } from "../graph.ts";
import { storedSize } from "./layout.ts";
import { type Addresses, type Context, lower, type Lowering } from "./ops/mod.ts";
import { Spans } from "./spans.ts";

/** One op with its place for shared intermediate values, relative to the plan's block. */
interface Step {
  readonly op: Op;
  readonly lowering: Lowering;
  readonly temporary: number;
}

/** A graph, planned. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Offsets of values in the plan's block, by node; outputs lie elsewhere. */
  readonly offsets: ReadonlyMap<Node, number>;
  /** Bytes of the block. */
  readonly bytes: number;
  /** Bytes of workspace for each thread. */
  readonly workspace: number;
}

/** Bytes that a value takes. */
export function bytesOf(node: Node): number {
  return 4 * storedSize(node.shape);
}

/** Plans a graph. */
export function plan(graph: Graph, context: Context): Plan {
  const spans = new Spans(0);
  const offsets = new Map<Node, number>();
  const lasts = lastUses(graph);
  const steps: Step[] = [];
  const isOutput = (node: Node) => graph.outputs.includes(node);
  /** Whether `node` may be overwritten while `op`, which reads it, is computed. */
  const diesIn = (op: Op, node: Node) => lasts.get(node) === op.id && offsets.has(node) && !isInput(node);

  for (const op of graph.nodes) {
    if (op.op === "input") {
      if (!isOutput(op)) offsets.set(op, spans.allocate(bytesOf(op)));
      continue;
    }
    const lowering = lower(op, context);
    const overwritten = isOutput(op) ? undefined : overwritable(op).find((node) => diesIn(op, node));
    if (overwritten) offsets.set(op, offsets.get(overwritten)!);
    else if (!isOutput(op)) offsets.set(op, spans.allocate(bytesOf(op)));
    const temporary = spans.allocate(lowering.temporary);
    steps.push({ op, lowering, temporary });
    spans.free(temporary);
    for (const node of new Set(operands(op))) {
      if (lasts.get(node) === op.id && node !== overwritten && offsets.has(node)) spans.free(offsets.get(node)!);
    }
    if (!lasts.has(op) && offsets.has(op)) spans.free(offsets.get(op)!);
  }
  return { steps, offsets, bytes: spans.top, workspace: Math.max(0, ...steps.map((step) => step.lowering.workspace)) };
}

/** Operands that an op reads only where it writes its result, so that both can be in one place. */
function overwritable(op: Exclude<Op, Input>): Node[] {
  switch (op.op) {
    case "conv2d":
      return op.residual && op.residual !== op.x ? [op.residual] : [];
    case "groupNorm":
      return op.modulation?.scale === op.x || op.modulation?.shift === op.x ? [] : [op.x];
    case "straightThrough":
      return [op.x, op.code];
    default:
      return [];
  }
}

function isInput(node: Node): boolean {
  return (node as Op).op === "input";
}

/** For each value that is read, the id of the last op that does. */
function lastUses(graph: Graph): Map<Node, number> {
  const lasts = new Map<Node, number>();
  for (const op of graph.nodes) {
    for (const node of operands(op)) lasts.set(node, op.id);
  }
  return lasts;
}

/** The addresses of one run, whose values lie in a block at `base` or where `elsewhere` says. */
export function addressesOf(
  { offsets }: Plan,
  base: number,
  workspace: number,
  elsewhere: ReadonlyMap<Node, number>,
): (temporary: number) => Addresses {
  const of = (node: Node) => elsewhere.get(node) ?? base + offsets.get(node)!;
  return (temporary) => ({ of, temporary: base + temporary, workspace });
}
