/**
 * Everything a VQ autoencoder computes, recorded as a graph of ops that an engine compiles and runs.
 *
 * Model code calls {@linkcode Graph}'s methods in straight lines, as if they computed immediately. They only record what is
 * to be computed, and check shapes while they do. An engine then sees the whole computation before it allocates
 * anything: it can plan memory by liveness, choose an algorithm per shape, and submit everything together.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../check_options.ts";
import type { PixelRange, Shape } from "../tensor/storage.ts";
import { check } from "./ops/descriptor.ts";
import {
  type Activation,
  type Band,
  type CodeMetric,
  type Conv2d,
  createOp,
  type Fields,
  type Modulation,
  type Node,
  type NormCoefficients,
  type NormSums,
  type Op,
  type OpByKind,
  type OpKind,
  type OpOf,
  parameterOf,
  type RowPlace,
  withOperands,
} from "./ops/mod.ts";
import type { CodebookParameter, ConvParameter, LinearParameter, NormParameter, Parameter } from "./parameters.ts";

export * from "./ops/mod.ts";

/** Group norm's options; see {@linkcode GroupNorm}. */
export interface GroupNormOptions {
  /** See {@linkcode GroupNorm.groups}. */
  readonly groups: number;
  /** See {@linkcode GroupNorm.epsilon}. */
  readonly epsilon: number;
  /** See {@linkcode GroupNorm.activation}. Default none. */
  readonly activation?: Activation;
  /** See {@linkcode GroupNorm.modulation}. Default none. */
  readonly modulation?: Modulation;
  /** See {@linkcode GroupNorm.coefficients}. Default those of the operand. */
  readonly coefficients?: Node;
}

const CONV_OPTIONS: OptionNames<Pick<Conv2d, "upsample" | "residual">> = { upsample: true, residual: true };

const GROUP_NORM_OPTIONS: OptionNames<GroupNormOptions> = {
  groups: true,
  epsilon: true,
  activation: true,
  modulation: true,
  coefficients: true,
};

/**
 * Records ops. Methods throw a `RangeError` that names the op where shapes do not fit, and a `TypeError` for an unknown
 * option.
 */
export class Graph {
  /** Every op, operands before results. */
  readonly nodes: Op[] = [];
  /** The values to return, in order. */
  readonly outputs: Op[] = [];

  /** A tensor given at run time, in order of the calls. Float inputs are NCHW; int32 ones are `[n, h, w]`. */
  input(shape: Shape, dtype: "float32" | "int32" = "float32"): Node {
    return this.#input({ shape, dtype });
  }

  /** Pictures `[n, 3 or 1, h, w]` given at run time by a tensor over {@linkcode Pixels} of this range. */
  pixels(shape: Shape, range: PixelRange): Node {
    return this.#input({ shape, dtype: "float32" }, range);
  }

  /** Makes `value` a result of the graph. */
  output(value: Node): void {
    check(value.kind !== "rows", "output: rows are a part of another value; place them");
    this.outputs.push(this.nodes[value.id]);
  }

  /** Convolution, or linear layer over channels; see {@linkcode Conv2d}. */
  conv2d(
    x: Node,
    weights: ConvParameter | LinearParameter,
    options: { upsample?: boolean; residual?: Node } = {},
  ): Node {
    checkOptions(`record ${weights.name}`, options, CONV_OPTIONS);
    const { upsample = false, residual } = options;
    return this.#add("conv2d", { x, weights, upsample, residual });
  }

  /** Group norm or spatial norm, with the activation that follows; see {@linkcode GroupNorm}. */
  groupNorm(x: Node, weights: NormParameter, options: GroupNormOptions): Node {
    checkOptions(`record ${weights.name}`, options, GROUP_NORM_OPTIONS);
    const { groups, epsilon, activation, modulation, coefficients } = options;
    return this.#add("groupNorm", { x, weights, groups, epsilon, activation, modulation, coefficients });
  }

  /** Attention; see {@linkcode Attention}. */
  attention(q: Node, k: Node, v: Node): Node {
    return this.#add("attention", { q, k, v });
  }

  /** Vector quantization; see {@linkcode NearestCode}. `none` is 0, as upstream, and `metric` the distance, unless given. */
  nearestCode(
    x: Node,
    codebook: CodebookParameter,
    none: 0 | -1 = 0,
    metric: CodeMetric = "distance",
    second: boolean = false,
  ): Node {
    return this.#add("nearestCode", { x, codebook, none, metric, second });
  }

  /** Codebook rows; see {@linkcode Lookup}. Indices must lie in `[0, codes)`. */
  lookup(indices: Node, codebook: CodebookParameter): Node {
    return this.#add("lookup", { indices, codebook });
  }

  /** See {@linkcode CodeMargin}. `metric` is the distance unless given. */
  codeMargin(x: Node, indices: Node, codes: Node, metric: CodeMetric = "distance"): Node {
    return this.#add("codeMargin", { x, indices, codes, metric });
  }

  /** See {@linkcode StraightThrough}. */
  straightThrough(x: Node, code: Node): Node {
    return this.#add("straightThrough", { x, code });
  }

  /** See {@linkcode SquaredError}. */
  squaredError(x: Node, code: Node, factor: number): Node {
    return this.#add("squaredError", { x, code, factor });
  }

  /** See {@linkcode Rows}; all rows of a single image are `x` itself. */
  rows(x: Node, image: number, [first, end]: readonly [first: number, end: number]): Node {
    const [n, , h] = x.shape;
    const isAll = n === 1 && image === 0 && first === 0 && end === h;
    return isAll ? x : this.#add("rows", { x, image, first, end });
  }

  /** See {@linkcode Place}. `shape` is that of the whole. */
  place(
    into: Node | undefined,
    part: Node,
    { shape: whole, image, first }: { shape: Shape; image: number; first: number },
  ): Node {
    return this.#add("place", { into, part, whole, image, first });
  }

  /** See {@linkcode NormSums}. */
  normSums(into: Node | undefined, x: Node, groups: number, band: Band): NormSums {
    return this.#add("normSums", { into, x, groups, band });
  }

  /** See {@linkcode NormCoefficients}. */
  normCoefficients(sums: NormSums, weights: NormParameter, epsilon: number): NormCoefficients {
    return this.#add("normCoefficients", { sums, weights, epsilon });
  }

  /** See {@linkcode Normalize}. */
  normalize(
    x: Node,
    coefficients: Node,
    { activation, modulation, place }: { activation?: Activation; modulation?: Modulation; place: RowPlace },
  ): Node {
    return this.#add("normalize", { x, coefficients, activation, modulation, place });
  }

  /** Records an op of another graph over operands of this one, in their order. */
  copy<K extends OpKind>(op: OpOf<K>, operands: readonly Node[]): Node {
    return this.#add(op.kind, withOperands(op, operands));
  }

  #input(given: Pick<Node, "shape" | "dtype">, pixels?: PixelRange): Node {
    const index = this.nodes.filter(({ kind }) => kind === "input").length;
    return this.#add("input", { index, given, pixels });
  }

  #add<K extends OpKind>(kind: K, fields: Fields<OpByKind[K]>): OpByKind[K] {
    const op = createOp(kind, this.nodes.length, fields);
    this.nodes.push(op);
    return op;
  }
}

/** The layers that a graph uses, each once. */
export function parametersOf(graph: Graph): Parameter[] {
  const parameters = new Map<string, Parameter>();
  for (const node of graph.nodes) {
    const parameter = parameterOf(node);
    if (parameter) parameters.set(parameter.name, parameter);
  }
  return [...parameters.values()];
}
