/**
 * Everything a VQ autoencoder computes, recorded as a graph of ops that an engine compiles and runs.
 *
 * Model code calls {@linkcode Graph}'s methods in straight lines, as if they computed at once. They only write down what
 * is to be computed, and check shapes while they do. An engine then sees the whole computation before it allocates
 * anything: it can plan memory by liveness, choose an algorithm per shape, and submit everything together.
 *
 * @module
 */

import type {
  Activation,
  Attention,
  Band,
  Conv2d,
  GroupNorm,
  Input,
  Lookup,
  Modulation,
  NearestCode,
  Node,
  Normalize,
  NormCoefficients,
  NormSums,
  Op,
  Place,
  RowPlace,
  Rows,
  SquaredError,
  StraightThrough,
} from "./ops.ts";
import type { CodebookParameter, ConvParameter, LinearParameter, NormParameter, Parameter } from "./parameters.ts";
import type { PixelRange, Shape } from "../tensor/storage.ts";

export * from "./ops.ts";

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
}

/** Records ops. Methods throw a `RangeError` that names the op where shapes do not fit. */
export class Graph {
  /** Every op, operands before results. */
  readonly nodes: Op[] = [];
  /** The values to return, in order. */
  readonly outputs: Node[] = [];

  /** A tensor given at run time, in order of the calls. Float inputs are NCHW; int32 ones are `[n, h, w]`. */
  input(shape: Shape, dtype: "float32" | "int32" = "float32"): Node {
    check(dtype === "float32" || shape.length === 3, `input: int32 is [n, h, w], got [${shape}]`);
    return this.#input({ shape, dtype, pixels: undefined });
  }

  /** Pictures `[n, 3 or 1, h, w]` given at run time by a tensor over {@linkcode Pixels} of this range. */
  pixels(shape: Shape, range: PixelRange): Node {
    check(shape.length === 4 && (shape[1] === 3 || shape[1] === 1), `pixels: [${shape}] is no picture`);
    return this.#input({ shape, dtype: "float32", pixels: range });
  }

  /** Makes `value` a result of the graph. */
  output(value: Node): void {
    check((value as Op).kind !== "rows", "output: rows are a part of another value; place them");
    this.outputs.push(value);
  }

  /** Convolution, or linear layer over channels; see {@linkcode Conv2d}. */
  conv2d(
    x: Node,
    weights: ConvParameter | LinearParameter,
    options: { upsample?: boolean; residual?: Node } = {},
  ): Node {
    const { upsample = false, residual } = options;
    checkFeatureMap(x, weights.name);
    const [n, c, h, w] = x.shape;
    check(c === weights.in, `${weights.name}: takes ${weights.in} channels, got ${c}`);
    const stride = weights.kind === "conv" ? weights.stride : 1;
    const side = (pixels: number) => upsample ? 2 * pixels : Math.floor(pixels / stride);
    const shape = [n, weights.out, side(h), side(w)];
    check(
      !upsample || (weights.kind === "conv" && weights.kernel === 3 && stride === 1),
      `${weights.name}: only 3×3 convolutions of stride 1 upsample`,
    );
    check(!residual || sameShape(residual.shape, shape), `${weights.name}: residual is [${residual?.shape}]`);
    return this.#add<Conv2d>({ kind: "conv2d", x, weights, upsample, residual, shape, dtype: "float32" });
  }

  /** Group norm or spatial norm, with the activation that follows; see {@linkcode GroupNorm}. */
  groupNorm(x: Node, weights: NormParameter, options: GroupNormOptions): Node {
    const { groups, epsilon, activation, modulation } = options;
    checkFeatureMap(x, weights.name);
    const [n, c, h, w] = x.shape;
    check(c === weights.channels, `${weights.name}: takes ${weights.channels} channels, got ${c}`);
    check(
      Number.isSafeInteger(groups) && groups > 0 && c % groups === 0,
      `${weights.name}: ${c} channels do not form ${groups} equal groups`,
    );
    for (const map of modulation ? [modulation.scale, modulation.shift] : []) {
      const [mn, mc, mh, mw] = map.shape;
      check(mn === n && mc === c && h % mh === 0 && w % mw === 0, `${weights.name}: modulated by [${map.shape}]`);
    }
    return this.#add<GroupNorm>({
      kind: "groupNorm",
      x,
      weights,
      groups,
      epsilon,
      activation,
      modulation,
      shape: x.shape,
      dtype: "float32",
    });
  }

  /** Self-attention; see {@linkcode Attention}. All three operands have the same shape. */
  attention(q: Node, k: Node, v: Node): Node {
    [q, k, v].forEach((operand) => checkFeatureMap(operand, "attention"));
    check(sameShape(q.shape, k.shape) && sameShape(q.shape, v.shape), `attention: [${q.shape}], [${k.shape}], ...`);
    return this.#add<Attention>({ kind: "attention", q, k, v, shape: q.shape, dtype: "float32" });
  }

  /** Vector quantization; see {@linkcode NearestCode}. `none` is 0, as upstream, unless given. */
  nearestCode(x: Node, codebook: CodebookParameter, none: 0 | -1 = 0): Node {
    checkFeatureMap(x, codebook.name);
    const [n, c, h, w] = x.shape;
    check(c === codebook.channels, `${codebook.name}: codes have ${codebook.channels} channels, got ${c}`);
    return this.#add<NearestCode>({ kind: "nearestCode", x, codebook, none, shape: [n, h, w], dtype: "int32" });
  }

  /** Codebook rows; see {@linkcode Lookup}. Indices must lie in `[0, codes)`. */
  lookup(indices: Node, codebook: CodebookParameter): Node {
    const [n, h, w] = indices.shape;
    check(indices.dtype === "int32" && indices.shape.length === 3, `lookup: indices are [${indices.shape}]`);
    return this.#add<Lookup>({
      kind: "lookup",
      indices,
      codebook,
      shape: [n, codebook.channels, h, w],
      dtype: "float32",
    });
  }

  /** See {@linkcode StraightThrough}. */
  straightThrough(x: Node, code: Node): Node {
    [x, code].forEach((operand) => checkFeatureMap(operand, "straightThrough"));
    check(sameShape(x.shape, code.shape), `straightThrough: [${x.shape}] and [${code.shape}]`);
    return this.#add<StraightThrough>({ kind: "straightThrough", x, code, shape: x.shape, dtype: "float32" });
  }

  /** See {@linkcode SquaredError}. */
  squaredError(x: Node, code: Node, factor: number): Node {
    [x, code].forEach((operand) => checkFeatureMap(operand, "squaredError"));
    check(sameShape(x.shape, code.shape), `squaredError: [${x.shape}] and [${code.shape}]`);
    return this.#add<SquaredError>({ kind: "squaredError", x, code, factor, shape: [], dtype: "float32" });
  }

  /** See {@linkcode Rows}; all rows of a single image are `x` itself. */
  rows(x: Node, image: number, [first, end]: readonly [first: number, end: number]): Node {
    const [n, c, h, w] = x.shape;
    check(
      image < n && first >= 0 && first < end && end <= h,
      `rows ${first} to ${end} of image ${image} of [${x.shape}]`,
    );
    if (n === 1 && end - first === h) return x;
    return this.#add<Rows>({ kind: "rows", x, image, first, shape: [1, c, end - first, w], dtype: x.dtype });
  }

  /** See {@linkcode Place}. `shape` is that of the whole. */
  place(
    into: Node | undefined,
    part: Node,
    { shape, image, first }: { shape: Shape; image: number; first: number },
  ): Node {
    const [n, c, h, w] = shape;
    const [one, pc, ph, pw] = part.shape;
    check(one === 1 && pc === c && pw === w && image < n && first + ph <= h, `place: [${part.shape}] in [${shape}]`);
    return this.#add<Place>({ kind: "place", into, part, image, first, shape, dtype: part.dtype });
  }

  /** See {@linkcode NormSums}. */
  normSums(into: Node | undefined, x: Node, groups: number, band: Band): NormSums {
    return this.#add<NormSums>({ kind: "normSums", into, x, groups, band, shape: [], dtype: "float32" });
  }

  /** See {@linkcode NormCoefficients}. */
  normCoefficients(sums: NormSums, weights: NormParameter, epsilon: number): NormCoefficients {
    return this.#add<NormCoefficients>({
      kind: "normCoefficients",
      sums,
      weights,
      epsilon,
      shape: [],
      dtype: "float32",
    });
  }

  /** See {@linkcode Normalize}. */
  normalize(
    x: Node,
    coefficients: Node,
    options: { activation?: Activation; modulation?: Modulation; place: RowPlace },
  ): Node {
    const { activation, modulation, place } = options;
    const { shape, dtype } = x;
    return this.#add<Normalize>({ kind: "normalize", x, coefficients, activation, modulation, place, shape, dtype });
  }

  #input(input: Pick<Input, "shape" | "dtype" | "pixels">): Node {
    const index = this.nodes.filter((node) => node.kind === "input").length;
    return this.#add<Input>({ kind: "input", index, ...input });
  }

  #add<T extends Op>(op: Omit<T, "id">): T {
    const node = { ...op, id: this.nodes.length } as T;
    const isWhole = node.shape.every((side) => Number.isSafeInteger(side) && side > 0);
    check(isWhole, `${parameterOf(node)?.name ?? node.kind}: its shape [${node.shape}] must be whole numbers ≥ 1`);
    this.nodes.push(node);
    return node;
  }
}

/** The nodes that an op reads. */
export function operands(op: Op): Node[] {
  switch (op.kind) {
    case "input":
      return [];
    case "conv2d":
      return op.residual ? [op.x, op.residual] : [op.x];
    case "groupNorm":
      return op.modulation ? [op.x, op.modulation.scale, op.modulation.shift] : [op.x];
    case "attention":
      return [op.q, op.k, op.v];
    case "nearestCode":
      return [op.x];
    case "lookup":
      return [op.indices];
    case "straightThrough":
    case "squaredError":
      return [op.x, op.code];
    case "rows":
      return [op.x];
    case "place":
      return op.into ? [op.into, op.part] : [op.part];
    case "normSums":
      return op.into ? [op.into, op.x] : [op.x];
    case "normCoefficients":
      return [op.sums];
    case "normalize":
      return [op.x, op.coefficients, ...op.modulation ? [op.modulation.scale, op.modulation.shift] : []];
  }
}

/** The operand in whose memory the result of an op is, if it has none of its own. */
export function sharedOperand(op: Op): Node | undefined {
  switch (op.kind) {
    case "rows":
      return op.x;
    case "place":
    case "normSums":
      return op.into;
  }
}

/** The layer whose weights an op reads, if any. */
export function parameterOf(op: Op): Parameter | undefined {
  return "weights" in op ? op.weights : "codebook" in op ? op.codebook : undefined;
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

/** Multiply-accumulates of an op: convolutions, attention products and code distances; 0 for all else. */
export function macs(op: Op): number {
  const pixels = op.shape.length === 4 ? op.shape[0] * op.shape[2] * op.shape[3] : 0;
  switch (op.kind) {
    case "conv2d": {
      const { weights } = op;
      return pixels * weights.in * weights.out * (weights.kind === "conv" ? weights.kernel ** 2 : 1);
    }
    case "attention":
      return 2 * pixels * op.shape[2] * op.shape[3] * op.shape[1];
    case "nearestCode":
      return op.shape[0] * op.shape[1] * op.shape[2] * op.codebook.codes * op.codebook.channels;
    default:
      return 0;
  }
}

function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((side, i) => side === b[i]);
}

function checkFeatureMap({ shape, dtype }: Node, name: string): void {
  check(shape.length === 4 && dtype === "float32", `${name}: takes float32 [n, c, h, w], got ${dtype} [${shape}]`);
}

function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new RangeError(`Cannot record ${message}`);
}
