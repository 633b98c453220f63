/**
 * Computing in bands of rows what would be too large as a whole.
 *
 * Feature maps beyond a size are never held: wherever one is read, the rows that are wanted are computed anew from the
 * nearest maps that are held, together with the rows around them that convolutions reach for. A group norm of such a map
 * first goes through all bands to gather its sums, so that its statistics are those of the whole map; then whatever wants
 * rows of it has them normalized. Results differ from those of the graph as it was by rounding alone.
 *
 * A convolution of a band treats the edges of the band like the edges of the picture, and so computes a row too many
 * there, which is wrong, and not read.
 *
 * @module
 */

import { type Conv2d, Graph, type GroupNorm, type Modulation, type Node, type Op, operands } from "../graph/graph.ts";
import { sizeOf } from "../tensor/storage.ts";
import type { Steps } from "../host/steps.ts";

/** What is held at once, in numbers rather than bytes. */
export interface BandLimits {
  /** Feature maps of more numbers are not held. */
  readonly mapSize: number;
  /** Numbers of a band of the largest feature map that a band of another is computed from. */
  readonly bandSize: number;
}

/** Rows `[first, end)` of one image. */
type RowRange = readonly [first: number, end: number];

/** Ops that can compute some rows from some rows. */
type RowOp = Conv2d | GroupNorm;

/** The same computation, in bands; nothing where that takes more than `maxOps` ops. */
export function* inBands(graph: Graph, limits: BandLimits, maxOps = Infinity): Steps<Graph | undefined> {
  try {
    return yield* new Rewriter(graph, limits, maxOps).rewrite();
  } catch (error) {
    if (error instanceof TooManyOps) return undefined;
    throw error;
  }
}

/** Ends a rewriting that has taken enough. */
class TooManyOps extends Error {}

/** The sizes, largest first, of the feature maps that need not be held. */
export function streamableSizes(graph: Graph): number[] {
  const sizes = streamable(graph).map(({ shape }) => sizeOf(shape));
  return [...new Set(sizes)].sort((a, b) => b - a);
}

/** Values that only convolutions and norms make and read. */
function streamable(graph: Graph): RowOp[] {
  const others = new Set<Node>(graph.outputs);
  for (const op of graph.nodes) {
    if (!isRowOp(op)) operands(op).forEach((node) => others.add(node));
  }
  return graph.nodes.filter(isRowOp).filter((op) => !others.has(op));
}

function isRowOp(op: Op): op is RowOp {
  return op.kind === "conv2d" || op.kind === "groupNorm";
}

class Rewriter {
  readonly #source: Graph;
  readonly #limits: BandLimits;
  readonly #maxOps: number;
  readonly #g = new Graph();
  /** What is not held. */
  readonly #streamed: ReadonlySet<Node>;
  /** What is held: values of the new graph by those of the old. */
  readonly #held = new Map<Node, Node>();
  /** Coefficients of norms, by those of the old graph. */
  readonly #coefficients = new Map<GroupNorm, Node>();

  constructor(source: Graph, limits: BandLimits, maxOps: number) {
    this.#source = source;
    this.#limits = limits;
    this.#maxOps = maxOps;
    this.#streamed = new Set(streamable(source).filter(({ shape }) => sizeOf(shape) > limits.mapSize));
  }

  *rewrite(): Steps<Graph> {
    for (const op of this.#source.nodes) {
      const inParts = this.#streamed.has(op) || operands(op).some((node) => this.#streamed.has(node));
      if (inParts && op.kind === "groupNorm") this.#coefficients.set(op, yield* this.#measure(op));
      if (this.#streamed.has(op)) continue;
      this.#held.set(op, inParts ? yield* this.#assemble(op as RowOp) : this.#copy(op));
    }
    for (const node of this.#source.outputs) this.#g.output(this.#held.get(node)!);
    return this.#g;
  }

  /** Records an op as it is. */
  #copy(op: Op): Node {
    const g = this.#g;
    const held = (node: Node) => this.#held.get(node)!;
    switch (op.kind) {
      case "input":
        if (op.pixels) return g.pixels(op.shape, op.pixels);
        return g.input(op.shape, op.dtype === "int32" ? "int32" : "float32");
      case "conv2d":
        return g.conv2d(held(op.x), op.weights, {
          upsample: op.upsample,
          residual: op.residual && held(op.residual),
        });
      case "groupNorm":
        return g.groupNorm(held(op.x), op.weights, { ...op, modulation: mapModulation(op.modulation, held) });
      case "attention":
        return g.attention(held(op.q), held(op.k), held(op.v));
      case "nearestCode":
        return g.nearestCode(held(op.x), op.codebook, op.none);
      case "lookup":
        return g.lookup(held(op.indices), op.codebook);
      case "straightThrough":
        return g.straightThrough(held(op.x), held(op.code));
      case "squaredError":
        return g.squaredError(held(op.x), held(op.code), op.factor);
      default:
        throw new TypeError(`Cannot compute in bands what is already: ${op.kind}`);
    }
  }

  /** Computes a value that is held from what is not, band by band. */
  *#assemble(op: RowOp): Steps<Node> {
    let whole: Node | undefined;
    for (const [image, first, end] of this.#bands(op)) {
      const part = this.#compute(op, image, [first, end]);
      whole = this.#g.place(whole, part, { shape: op.shape, image, first });
      yield;
    }
    return whole!;
  }

  /** Gathers what a norm has to know of all of its operand. */
  *#measure({ x, weights, groups, epsilon }: GroupNorm): Steps<Node> {
    const [, , height] = x.shape;
    const held = this.#held.get(x);
    if (held) {
      const band = { of: x.shape, height, image: 0, first: 0 };
      return this.#g.normCoefficients(this.#g.normSums(undefined, held, groups, band), weights, epsilon);
    }
    const rows = this.#rowsOfBand(x as RowOp);
    let sums;
    for (const [image, first, end] of this.#bands(x as RowOp)) {
      const part = this.#compute(x as RowOp, image, [first, end]);
      sums = this.#g.normSums(sums, part, groups, { of: x.shape, height: rows, image, first });
      yield;
    }
    return this.#g.normCoefficients(sums!, weights, epsilon);
  }

  /** The bands of each image. */
  *#bands(op: RowOp): Generator<[image: number, ...RowRange]> {
    const [n, , height] = op.shape;
    const rows = this.#rowsOfBand(op);
    for (let image = 0; image < n; image++) {
      for (let first = 0; first < height; first += rows) yield [image, first, Math.min(height, first + rows)];
    }
  }

  /** How many rows of a value to compute at once. */
  #rowsOfBand(op: RowOp): number {
    const [n, , height] = op.shape;
    const involved = [op, ...this.#wanted(op, [0, height]).keys()];
    const rowSize = Math.max(...involved.map(({ shape }) => sizeOf(shape))) / (n * height);
    const rows = Math.min(height, Math.floor(this.#limits.bandSize / rowSize));
    return rows < TILE ? Math.max(1, rows) : rows - rows % TILE;
  }

  /** Computes rows of a value: `[1, channels, rows, w]`. */
  #compute(op: RowOp, image: number, range: RowRange): Node {
    if (this.#g.nodes.length > this.#maxOps) throw new TooManyOps();
    /** Values that are not held, and the row that they begin with. */
    const parts = new Map<Node, { part: Node; start: number }>();
    const rowsOf = (node: Node, [first, end]: RowRange): Node => {
      const held = this.#held.get(node);
      if (held) return this.#g.rows(held, image, [first, end]);
      const { part, start } = parts.get(node)!;
      return this.#g.rows(part, 0, [first - start, end - start]);
    };
    for (const [wanted, rows] of [...this.#wanted(op, range)].reverse()) {
      parts.set(wanted, this.#computePart(wanted, image, rows, rowsOf));
    }
    return rowsOf(op, range);
  }

  #computePart(
    op: RowOp,
    image: number,
    range: RowRange,
    rowsOf: (node: Node, range: RowRange) => Node,
  ): { part: Node; start: number } {
    if (op.kind === "conv2d") {
      const [source, result] = reachOf(op, range);
      const residual = op.residual && rowsOf(op.residual, result);
      const part = this.#g.conv2d(rowsOf(op.x, source), op.weights, { upsample: op.upsample, residual });
      return { part, start: result[0] };
    }
    const { modulation, activation } = op;
    const [start] = range;
    const map = modulationRows(op, range);
    const part = this.#g.normalize(rowsOf(op.x, range), this.#coefficients.get(op)!, {
      activation,
      modulation: mapModulation(modulation, (node) => rowsOf(node, map)),
      place: {
        image,
        first: start,
        height: op.shape[2],
        modulationFirst: map[0],
        modulationHeight: modulation?.scale.shape[2] ?? 1,
      },
    });
    return { part, start };
  }

  /** The rows of every value that is not held, and of `op` itself, which rows of `op` take: the last op first. */
  #wanted(op: RowOp, range: RowRange): Map<RowOp, RowRange> {
    const wanted = new Map<RowOp, RowRange>([[op, range]]);
    const want = (node: Node, [first, end]: RowRange) => {
      if (!this.#streamed.has(node)) return;
      const [least, most] = wanted.get(node as RowOp) ?? [first, end];
      wanted.set(node as RowOp, [Math.min(first, least), Math.max(end, most)]);
    };
    for (let id = op.id; id >= 0; id--) {
      const reader = this.#source.nodes[id] as RowOp;
      const rows = wanted.get(reader);
      if (!rows) continue;
      wanted.delete(reader);
      wanted.set(reader, rows); // keeps the map in the order of this loop
      if (reader.kind === "conv2d") {
        const [source, result] = reachOf(reader, rows);
        want(reader.x, source);
        if (reader.residual) want(reader.residual, result);
      } else {
        want(reader.x, rows);
        mapModulation(reader.modulation, (node) => want(node, modulationRows(reader, rows)));
      }
    }
    return wanted;
  }
}

/** Bands are whole multiples of so many rows where they can: Winograd's tiles, and even for what is up- or downsampled. */
const TILE = 4;

/** The rows of its operand that a convolution reads for some rows of its result, and the rows that it makes of them. */
function reachOf(
  { weights, upsample, x, shape }: Conv2d,
  [first, end]: RowRange,
): [source: RowRange, result: RowRange] {
  const [height, resultHeight] = [x.shape[2], shape[2]];
  const { kernel, stride } = weights.kind === "conv" ? weights : { kernel: 1, stride: 1 };
  const reach = kernel === 1 ? 0 : 1;
  if (upsample) {
    const source = [Math.max(0, Math.floor((first - reach) / 2)), Math.min(height, Math.floor(end / 2) + 1)] as const;
    return [source, [2 * source[0], 2 * source[1]]];
  }
  if (stride === 2) return [[2 * first, Math.min(height, 2 * end + 1)], [first, end]];
  const source = [Math.max(0, first - reach), Math.min(resultHeight, end + reach)] as const;
  return [source, source];
}

/** The rows of its modulation that some rows of a norm read. */
function modulationRows({ modulation, shape }: GroupNorm, [first, end]: RowRange): RowRange {
  const [height, mapHeight] = [shape[2], modulation?.scale.shape[2] ?? 1];
  return [Math.floor(first * mapHeight / height), Math.floor((end - 1) * mapHeight / height) + 1];
}

function mapModulation<T>(
  modulation: Modulation | undefined,
  map: (node: Node) => T,
): { scale: T; shift: T } | undefined {
  return modulation && { scale: map(modulation.scale), shift: map(modulation.shift) };
}
