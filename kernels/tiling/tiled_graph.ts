/**
 * Rewrites a graph so that large feature maps are computed in bands of rows.
 *
 * Feature maps beyond a size are never materialized: wherever one is read, its rows are recomputed from the nearest
 * materialized maps, together with the halo that convolutions need. A group norm of such a map first gathers its sums
 * over all bands, so that its statistics are those of the whole map, and is then applied to each band where that is
 * read. Results differ from those of the original graph only by rounding.
 *
 * A convolution of a band pads the edges of the band like the edges of the picture. The rows that become wrong by that
 * belong to the halo and are not read.
 *
 * @module
 */

import {
  bandRule,
  Graph,
  type GroupNorm,
  isBandable,
  type Node,
  type Op,
  operands,
  type RowRange,
} from "../graph/graph.ts";
import { sizeOf } from "../tensor/storage.ts";
import type { Steps } from "../host/steps.ts";

/** How much is materialized at once, in elements. */
export interface BandLimits {
  /** Feature maps of more elements are not materialized. */
  readonly mapSize: number;
  /** Elements of a band of the largest feature map that a band of another is computed from. */
  readonly bandSize: number;
}

/** The same computation in bands; `undefined` if that takes more than `maxOps` ops. */
export function* inBands(graph: Graph, limits: BandLimits, maxOps = Infinity): Steps<Graph | undefined> {
  try {
    return yield* new Rewriter(graph, limits, maxOps).rewrite();
  } catch (error) {
    if (error instanceof TooManyOps) return undefined;
    throw error;
  }
}

/** Stops a rewriting that takes too many ops. */
class TooManyOps extends Error {}

/** The sizes in elements, largest first, of the feature maps that need not be materialized. */
export function streamableSizes(graph: Graph): number[] {
  const sizes = streamable(graph).map(({ shape }) => sizeOf(shape));
  return [...new Set(sizes)].sort((a, b) => b - a);
}

/** Results of ops that can be computed in bands, where only such ops read them. */
function streamable(graph: Graph): Op[] {
  const others = new Set<Node>(graph.outputs);
  for (const op of graph.nodes) {
    if (!isBandable(op) && op.kind !== "normSums") operands(op).forEach((node) => others.add(node));
  }
  return graph.nodes.filter((op) => isBandable(op) && !others.has(op));
}

class Rewriter {
  readonly #source: Graph;
  readonly #limits: BandLimits;
  readonly #maxOps: number;
  readonly #g = new Graph();
  /** Values that are not materialized: bands of them are recomputed wherever they are read. */
  readonly #streamed: ReadonlySet<Node>;
  /** Materialized values of the new graph, by those of the old. */
  readonly #materialized = new Map<Node, Node>();
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
      if (inParts && op.kind === "groupNorm") this.#coefficients.set(op, yield* this.#coefficientsOf(op));
      if (this.#streamed.has(op)) continue;
      if (inParts && op.kind === "normSums") continue; // summed up where its coefficients are
      if (op.kind === "normCoefficients" && this.#streamed.has(op.sums.x)) {
        this.#materialized.set(op, yield* this.#measure({ ...op, ...op.sums }));
        continue;
      }
      this.#materialized.set(op, inParts ? yield* this.#assemble(op) : this.#copy(op));
    }
    for (const node of this.#source.outputs) this.#g.output(this.#materialized.get(node)!);
    return this.#g;
  }

  #copy(op: Op): Node {
    return this.#g.copy(op, operands(op).map((node) => this.#materialized.get(node)!));
  }

  /** Materializes a value band by band. */
  *#assemble(op: Op): Steps<Node> {
    let whole: Node | undefined;
    for (const [image, first, end] of this.#bands(op)) {
      const part = this.#compute(op, image, [first, end]);
      whole = this.#g.place(whole, part, { shape: op.shape, image, first });
      yield;
    }
    return whole!;
  }

  /** The coefficients that a norm is given, or those of its operand. */
  *#coefficientsOf(op: GroupNorm): Steps<Node> {
    return op.coefficients ? this.#materialized.get(op.coefficients)! : yield* this.#measure(op);
  }

  /** Computes a norm's coefficients from all bands of its operand. */
  *#measure(
    { x, weights, groups, epsilon }: Pick<GroupNorm, "x" | "weights" | "groups" | "epsilon">,
  ): Steps<Node> {
    const [, , height] = x.shape;
    const whole = this.#materialized.get(x);
    if (whole) {
      const band = { of: x.shape, height, image: 0, first: 0 };
      return this.#g.normCoefficients(this.#g.normSums(undefined, whole, groups, band), weights, epsilon);
    }
    const op = this.#source.nodes[x.id];
    const rows = this.#rowsOfBand(op);
    let sums;
    for (const [image, first, end] of this.#bands(op)) {
      const part = this.#compute(op, image, [first, end]);
      sums = this.#g.normSums(sums, part, groups, { of: x.shape, height: rows, image, first });
      yield;
    }
    return this.#g.normCoefficients(sums!, weights, epsilon);
  }

  /** The bands of each image. */
  *#bands(op: Op): Generator<[image: number, ...RowRange]> {
    const [n, , height] = op.shape;
    const rows = this.#rowsOfBand(op);
    for (let image = 0; image < n; image++) {
      for (let first = 0; first < height; first += rows) yield [image, first, Math.min(height, first + rows)];
    }
  }

  /** Number of rows of a value to compute at once. */
  #rowsOfBand(op: Op): number {
    const [n, , height] = op.shape;
    const involved = [op, ...this.#wanted(op, [0, height]).keys()];
    const rowSize = Math.max(...involved.map(({ shape }) => sizeOf(shape))) / (n * height);
    const rows = Math.min(height, Math.floor(this.#limits.bandSize / rowSize));
    return rows < TILE ? Math.max(1, rows) : rows - rows % TILE;
  }

  /** Computes rows of a value: `[1, channels, rows, w]`. */
  #compute(op: Op, image: number, range: RowRange): Node {
    if (this.#g.nodes.length > this.#maxOps) throw new TooManyOps();
    /** Bands of values that are not materialized, and their first rows. */
    const bands = new Map<Node, { band: Node; start: number }>();
    const rowsOf = (node: Node, [first, end]: RowRange): Node => {
      const whole = this.#materialized.get(node);
      if (whole) return this.#g.rows(whole, image, [first, end]);
      const { band, start } = bands.get(node)!;
      return this.#g.rows(band, 0, [first - start, end - start]);
    };
    for (const [wanted, wantedRows] of [...this.#wanted(op, range)].reverse()) {
      const { operands: rows, computed } = bandRule(wanted, wantedRows);
      const parts = rows.map((range, i) => rowsOf(operands(wanted)[i], range));
      const band = wanted.kind === "groupNorm"
        ? this.#normalize(wanted, parts, image, rows)
        : this.#g.copy(wanted, parts);
      bands.set(wanted, { band, start: computed[0] });
    }
    return rowsOf(op, range);
  }

  /** The second half of a group norm, over these `rows` of its operands. */
  #normalize(op: GroupNorm, operands: readonly Node[], image: number, rows: readonly RowRange[]): Node {
    const [x, scale, shift] = operands;
    const [[first], [modulationFirst] = [0]] = rows;
    return this.#g.normalize(x, this.#coefficients.get(op)!, {
      activation: op.activation,
      modulation: op.modulation && { scale, shift },
      place: {
        image,
        first,
        height: op.shape[2],
        modulationFirst,
        modulationHeight: op.modulation?.scale.shape[2] ?? 1,
      },
    });
  }

  /** These rows of `op`, and the rows that they need of values that are not materialized; the last op comes first. */
  #wanted(op: Op, range: RowRange): Map<Op, RowRange> {
    const wanted = new Map<Op, RowRange>([[op, range]]);
    const want = ({ id }: Node, [first, end]: RowRange) => {
      const source = this.#source.nodes[id];
      if (!this.#streamed.has(source)) return;
      const [least, most] = wanted.get(source) ?? [first, end];
      wanted.set(source, [Math.min(first, least), Math.max(end, most)]);
    };
    for (let id = op.id; id >= 0; id--) {
      const reader = this.#source.nodes[id];
      const rows = wanted.get(reader);
      if (!rows) continue;
      wanted.delete(reader);
      wanted.set(reader, rows); // keeps the map in the order of this loop
      const read = operands(reader);
      bandRule(reader, rows).operands.forEach((range, i) => want(read[i], range));
    }
    return wanted;
  }
}

/** Rows of a band are a multiple of this, if they are as many: Winograd's tiles, and even for up- and downsampling. */
const TILE = 4;
