/**
 * Rewrites a graph so that large feature maps of a batch are computed picture by picture.
 *
 * Each picture then uses the same temporaries as the one before, which stay in the cache: a batch takes no longer per
 * picture than pictures one by one, and little more memory. Small feature maps are computed for the whole batch, so that
 * weights are read and transformed once for all pictures.
 *
 * @module
 */

import { Graph, type GroupNorm, type Node, type Op, operands } from "../graph/graph.ts";
import { sizeOf } from "../tensor/storage.ts";

/** Elements of a large feature map of one picture: a few of them exceed a core's cache. */
const LARGE = 2 ** 20;
/** With more pictures, planning would take longer than it saves. */
const MAX_OPS = 20_000;

/** The same computation, bit for bit. Returns the graph itself if it has a single picture or no large feature maps. */
export function inPictures(graph: Graph): Graph {
  const [images] = graph.nodes[0].shape;
  const runs = splitRuns(graph.nodes, (op) => isLarge(op, images));
  const largeOps = graph.nodes.filter((op) => isLarge(op, images)).length;
  if (images === 1 || largeOps === 0 || images * largeOps > MAX_OPS) return graph;
  const rewritten = new Graph();
  /** Values of all pictures in the new graph, by those of the old. */
  const whole = new Map<Node, Node>();
  for (const run of runs) {
    if (isLarge(run[0], images)) computePictures(run, images, graph, rewritten, whole);
    else for (const op of run) whole.set(op, rewritten.copy(op, operands(op).map((node) => whole.get(node)!)));
  }
  for (const node of graph.outputs) rewritten.output(whole.get(node)!);
  return rewritten;
}

/** Whether an op reads or writes a large feature map, and treats each picture by itself. */
function isLarge(op: Op, images: number): boolean {
  if (op.kind !== "conv2d" && op.kind !== "groupNorm" && op.kind !== "attention") return false;
  const maps = [op, ...operands(op)];
  return maps.every(({ shape }) => shape[0] === images) && maps.some(({ shape }) => sizeOf(shape) / images > LARGE);
}

/** Consecutive ops of which all are large or none is. */
function splitRuns(ops: readonly Op[], isLarge: (op: Op) => boolean): Op[][] {
  const runs: Op[][] = [];
  for (const op of ops) {
    const last = runs.at(-1);
    if (last && isLarge(last[0]) === isLarge(op)) last.push(op);
    else runs.push([op]);
  }
  return runs;
}

/** Computes all ops of a run for one picture after the other, and puts what others read into values of all pictures. */
function computePictures(
  run: readonly Op[],
  images: number,
  source: Graph,
  target: Graph,
  whole: Map<Node, Node>,
): void {
  const inRun = new Set<Node>(run);
  const readers = source.nodes.filter((op) => !inRun.has(op)).flatMap((op) => [...operands(op)]);
  const kept = new Set<Node>([...readers, ...source.outputs]);
  for (let image = 0; image < images; image++) {
    const parts = new Map<Node, Node>();
    const partOf = (node: Node) => parts.get(node) ?? target.rows(whole.get(node)!, image, [0, node.shape[2]]);
    for (const op of run) {
      const part = op.kind === "groupNorm" && op.coefficients
        ? normalizePicture(op, image, whole.get(op.coefficients)!, target, partOf)
        : target.copy(op, operands(op).map(partOf));
      parts.set(op, part);
    }
    for (const op of run) {
      if (!kept.has(op)) continue;
      whole.set(op, target.place(whole.get(op), parts.get(op)!, { shape: op.shape, image, first: 0 }));
    }
  }
}

/** A norm of one picture whose coefficients are given, which are those of all pictures. */
function normalizePicture(
  { x, activation, modulation }: GroupNorm,
  image: number,
  coefficients: Node,
  target: Graph,
  partOf: (node: Node) => Node,
): Node {
  const modulationHeight = modulation?.scale.shape[2] ?? 1;
  return target.normalize(partOf(x), coefficients, {
    activation,
    modulation: modulation && { scale: partOf(modulation.scale), shift: partOf(modulation.shift) },
    place: { image, first: 0, height: x.shape[2], modulationFirst: 0, modulationHeight },
  });
}
