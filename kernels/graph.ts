/**
 * The op vocabulary: everything a VQ autoencoder computes, recorded as a graph that an engine compiles and runs.
 *
 * Model code calls {@linkcode Graph}'s methods in straight lines, as if they computed at once. They only write down what
 * is to be computed, and check shapes while they do. An engine then sees the whole computation before it allocates
 * anything: it can plan memory by liveness, choose an algorithm per shape, and submit everything together.
 *
 * @module
 */

import type { DType, Shape } from "./tensor.ts";

/** Activations of the resnets, by the names of `act_fn` (`gelu` is the exact erf form). */
export type Activation = "silu" | "mish" | "gelu" | "relu";

/** Weights of a convolution: `NAME.weight` `[out, in, kernel, kernel]` and `NAME.bias` `[out]`. */
export interface ConvParameter {
  /** Tells it from other parameters. */
  readonly kind: "conv";
  /** Checkpoint prefix, such as `encoder.conv_in`. */
  readonly name: string;
  /** Channels it takes. */
  readonly in: number;
  /** Channels it makes. */
  readonly out: number;
  /** Side of the kernel. */
  readonly kernel: 1 | 3;
  /** Pixels from one output to the next. Known here so that an engine can prepare the weights for one algorithm. */
  readonly stride: 1 | 2;
}

/** A fully connected layer over channels, `NAME.weight` `[out, in]` and `NAME.bias`: a 1×1 convolution to the engines. */
export interface LinearParameter {
  /** Tells it from other parameters. */
  readonly kind: "linear";
  /** Checkpoint prefix, such as `encoder.mid_block.attentions.0.to_q`. */
  readonly name: string;
  /** Channels it takes. */
  readonly in: number;
  /** Channels it makes. */
  readonly out: number;
}

/** Scale and offset of a normalization: `NAME.weight` and `NAME.bias`, both `[channels]`. */
export interface NormParameter {
  /** Tells it from other parameters. */
  readonly kind: "norm";
  /** Checkpoint prefix, such as `decoder.conv_norm_out`. */
  readonly name: string;
  /** Channels it normalizes. */
  readonly channels: number;
}

/** The code vectors: `NAME.weight` `[codes, channels]`. */
export interface CodebookParameter {
  /** Tells it from other parameters. */
  readonly kind: "codebook";
  /** Checkpoint prefix, such as `quantize.embedding`. */
  readonly name: string;
  /** Rows: how many codes there are. */
  readonly codes: number;
  /** Columns: the length of a code vector. */
  readonly channels: number;
}

/** A layer's weights, named but not held: engines keep the values. */
export type Parameter = ConvParameter | LinearParameter | NormParameter | CodebookParameter;

/** A tensor handed in at run time. */
export interface Input extends Node {
  /** Tells it from other ops. */
  readonly op: "input";
  /** Position among the inputs. */
  readonly index: number;
}

/**
 * Convolution. 3×3 at stride 1 pads one zero on every side; at stride 2 one column of zeros on the right and one row
 * at the bottom (upstream's `Downsample2D`), so that a side becomes `floor(side / 2)`.
 */
export interface Conv2d extends Node {
  /** Tells it from other ops. */
  readonly op: "conv2d";
  /** What is convolved: `[n, in, h, w]`. */
  readonly x: Node;
  /** Its layer. */
  readonly weights: ConvParameter | LinearParameter;
  /** Whether every pixel of `x` is first repeated to 2×2 pixels (upstream's `Upsample2D`). */
  readonly upsample: boolean;
  /** Added to the result; same shape. */
  readonly residual: Node | undefined;
}

/** Group normalization with biased variance over contiguous channel groups, then the activation if there is one. */
export interface GroupNorm extends Node {
  /** Tells it from other ops. */
  readonly op: "groupNorm";
  /** What is normalized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its layer. */
  readonly weights: NormParameter;
  /** How many groups the channels form, equal in size. */
  readonly groups: number;
  /** Added to the variance. */
  readonly epsilon: number;
  /** Applied last; `undefined` for none. */
  readonly activation: Activation | undefined;
  /** Spatial norm: the normalized value is multiplied by `scale` and `shift` is added, each resized to `x` by nearest. */
  readonly modulation: Modulation | undefined;
}

/** Per-pixel scale and shift of a spatial norm, at latent resolution: `[n, channels, h, w]`. */
export interface Modulation {
  /** What the normalized value is multiplied by. */
  readonly scale: Node;
  /** What is added after that. */
  readonly shift: Node;
}

/** Self-attention over all pixels with one head: `softmax(q·kᵀ / √channels)·v`. */
export interface Attention extends Node {
  /** Tells it from other ops. */
  readonly op: "attention";
  /** Queries: `[n, channels, h, w]`. */
  readonly q: Node;
  /** Keys, of the same shape. */
  readonly k: Node;
  /** Values, of the same shape. */
  readonly v: Node;
}

/** For each pixel the index of the nearest codebook row, the lowest on ties: int32 `[n, h, w]`. */
export interface NearestCode extends Node {
  /** Tells it from other ops. */
  readonly op: "nearestCode";
  /** Vectors to look for: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Rows to choose from. */
  readonly codebook: CodebookParameter;
}

/** Codebook rows by index: `[n, channels, h, w]`. */
export interface Lookup extends Node {
  /** Tells it from other ops. */
  readonly op: "lookup";
  /** Rows to take: int32 `[n, h, w]`. */
  readonly indices: Node;
  /** Rows to take from. */
  readonly codebook: CodebookParameter;
}

/** `x + (code - x)`: the code up to one rounding, which is what upstream's straight-through estimator returns. */
export interface StraightThrough extends Node {
  /** Tells it from other ops. */
  readonly op: "straightThrough";
  /** What was quantized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its nearest codes, of the same shape. */
  readonly code: Node;
}

/** `factor * mean((x - code)²)`, a scalar. */
export interface SquaredError extends Node {
  /** Tells it from other ops. */
  readonly op: "squaredError";
  /** What was quantized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its nearest codes, of the same shape. */
  readonly code: Node;
  /** What the mean is multiplied by. */
  readonly factor: number;
}

/** A recorded op; also its result, to pass on to further ops. */
export interface Node {
  /** Position in {@linkcode Graph.nodes}; operands come before results. */
  readonly id: number;
  /** NCHW, whatever layout the engine uses inside. */
  readonly shape: Shape;
  /** Element type; float values are `"float32"` here, whatever the engine computes in. */
  readonly dtype: DType;
}

/** Every kind of op. */
export type Op =
  | Input
  | Conv2d
  | GroupNorm
  | Attention
  | NearestCode
  | Lookup
  | StraightThrough
  | SquaredError;

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
    const index = this.nodes.filter((node) => node.op === "input").length;
    return this.#add<Input>({ op: "input", index, shape, dtype });
  }

  /** Makes `value` a result of the graph. */
  output(value: Node): void {
    this.outputs.push(value);
  }

  /** Convolution, or linear layer over channels; see {@linkcode Conv2d}. */
  conv2d(
    x: Node,
    weights: ConvParameter | LinearParameter,
    options: { upsample?: boolean; residual?: Node } = {},
  ): Node {
    const { upsample = false, residual } = options;
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
    return this.#add<Conv2d>({ op: "conv2d", x, weights, upsample, residual, shape, dtype: "float32" });
  }

  /** Group norm or spatial norm, with the activation that follows; see {@linkcode GroupNorm}. */
  groupNorm(x: Node, weights: NormParameter, options: GroupNormOptions): Node {
    const { groups, epsilon, activation, modulation } = options;
    const [n, c, h, w] = x.shape;
    check(c === weights.channels, `${weights.name}: takes ${weights.channels} channels, got ${c}`);
    check(c % groups === 0, `${weights.name}: ${c} channels do not form ${groups} equal groups`);
    for (const map of modulation ? [modulation.scale, modulation.shift] : []) {
      const [mn, mc, mh, mw] = map.shape;
      check(mn === n && mc === c && h % mh === 0 && w % mw === 0, `${weights.name}: modulated by [${map.shape}]`);
    }
    return this.#add<GroupNorm>({
      op: "groupNorm",
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
    check(sameShape(q.shape, k.shape) && sameShape(q.shape, v.shape), `attention: [${q.shape}], [${k.shape}], ...`);
    return this.#add<Attention>({ op: "attention", q, k, v, shape: q.shape, dtype: "float32" });
  }

  /** Vector quantization; see {@linkcode NearestCode}. */
  nearestCode(x: Node, codebook: CodebookParameter): Node {
    const [n, c, h, w] = x.shape;
    check(c === codebook.channels, `${codebook.name}: codes have ${codebook.channels} channels, got ${c}`);
    return this.#add<NearestCode>({ op: "nearestCode", x, codebook, shape: [n, h, w], dtype: "int32" });
  }

  /** Codebook rows; see {@linkcode Lookup}. Indices must lie in `[0, codes)`. */
  lookup(indices: Node, codebook: CodebookParameter): Node {
    const [n, h, w] = indices.shape;
    check(indices.dtype === "int32" && indices.shape.length === 3, `lookup: indices are [${indices.shape}]`);
    return this.#add<Lookup>({
      op: "lookup",
      indices,
      codebook,
      shape: [n, codebook.channels, h, w],
      dtype: "float32",
    });
  }

  /** See {@linkcode StraightThrough}. */
  straightThrough(x: Node, code: Node): Node {
    check(sameShape(x.shape, code.shape), `straightThrough: [${x.shape}] and [${code.shape}]`);
    return this.#add<StraightThrough>({ op: "straightThrough", x, code, shape: x.shape, dtype: "float32" });
  }

  /** See {@linkcode SquaredError}. */
  squaredError(x: Node, code: Node, factor: number): Node {
    check(sameShape(x.shape, code.shape), `squaredError: [${x.shape}] and [${code.shape}]`);
    return this.#add<SquaredError>({ op: "squaredError", x, code, factor, shape: [], dtype: "float32" });
  }

  #add<T extends Op>(op: Omit<T, "id">): T {
    const node = { ...op, id: this.nodes.length } as T;
    this.nodes.push(node);
    return node;
  }
}

/** The nodes that an op reads. */
export function operands(op: Op): Node[] {
  switch (op.op) {
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
  }
}

/** The layer whose weights an op reads, if any. */
export function parameterOf(op: Op): Parameter | undefined {
  return "weights" in op ? op.weights : "codebook" in op ? op.codebook : undefined;
}

/** How many weights and biases a layer has. */
export function sizesOf(parameter: Parameter): [weights: number, biases: number] {
  switch (parameter.kind) {
    case "conv":
      return [parameter.out * parameter.in * parameter.kernel ** 2, parameter.out];
    case "linear":
      return [parameter.out * parameter.in, parameter.out];
    case "norm":
      return [parameter.channels, parameter.channels];
    case "codebook":
      return [parameter.codes * parameter.channels, 0];
  }
}

/** Multiply-accumulates of an op: convolutions, attention products and code distances; 0 for all else. */
export function macs(op: Op): number {
  const pixels = op.shape.length === 4 ? op.shape[0] * op.shape[2] * op.shape[3] : 0;
  switch (op.op) {
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

function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new RangeError(`Cannot record ${message}`);
}
