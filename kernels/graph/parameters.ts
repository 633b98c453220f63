/**
 * The layers whose weights a graph reads, the values of weights, and finding them in an engine.
 *
 * @module
 */

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
  /** Pixels from one output to the next. Known here so that an engine can transform the weights for one algorithm. */
  readonly stride: 1 | 2;
}

/** A linear layer over channels, `NAME.weight` `[out, in]` and `NAME.bias`; engines compute it as a 1×1 convolution. */
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
  /** Rows: the number of codes. */
  readonly codes: number;
  /** Columns: the length of a code vector. */
  readonly channels: number;
}

/** A layer: the name and sizes of its weights. Engines keep the values. */
export type Parameter = ConvParameter | LinearParameter | NormParameter | CodebookParameter;

/** Weights that are bytes in a file: an engine reads them when and where it needs them. */
export interface StoredWeights {
  /** Element type. Elements are little-endian and in the order of the checkpoint. */
  readonly dtype: "F64" | "F32" | "F16" | "BF16";
  /** Number of elements. */
  readonly length: number;
  /** Fills `target`, which may be shared memory, with the bytes from `offset` on. */
  readInto(target: Uint8Array, offset: number): Promise<void>;
  /** Reads all elements, converted to float32. */
  read(): Promise<Float32Array>;
}

/** The values of a layer's weights or biases. */
export type WeightValues = Float32Array | StoredWeights;

/** Number of weights and of biases of a layer. */
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

/**
 * Refuses weights whose number is not the layer's.
 *
 * @throws {RangeError}
 */
export function checkParameter(parameter: Parameter, weight: WeightValues, bias: WeightValues): void {
  const [weights, biases] = sizesOf(parameter);
  if (weight.length === weights && bias.length === biases) return;
  throw new RangeError(
    `Cannot set ${parameter.name}: expected ${weights} weights and ${biases} biases, ` +
      `found ${weight.length} and ${bias.length}`,
  );
}

/** A layer's weights in an engine. */
export interface Kept<T> {
  /** The layer as it was when its weights were set. */
  readonly layer: Parameter;
  /** The weights in the engine's layout. */
  readonly prepared: T;
}

/**
 * A layer's weights in the engine's layout.
 *
 * @throws {TypeError} if they were not set, or for a layer of another kind or size
 */
export function findParameter<T>(all: ReadonlyMap<string, Kept<T>>, parameter: Parameter): T {
  const kept = all.get(parameter.name);
  if (kept === undefined) throw new TypeError(`Cannot compile: the weights of ${parameter.name} were not set`);
  if (describe(kept.layer) !== describe(parameter)) {
    throw new TypeError(
      `Cannot compile: the weights of ${parameter.name} were set for ${describe(kept.layer)}, ` +
        `but the graph has ${describe(parameter)}`,
    );
  }
  return kept.prepared;
}

function describe(parameter: Parameter): string {
  switch (parameter.kind) {
    case "conv": {
      const { kernel, in: ins, out, stride } = parameter;
      return `a ${kernel}×${kernel} convolution of ${ins} to ${out} channels at stride ${stride}`;
    }
    case "linear":
      return `a linear layer of ${parameter.in} to ${parameter.out} channels`;
    case "norm":
      return `a norm of ${parameter.channels} channels`;
    case "codebook":
      return `a codebook of ${parameter.codes} codes of ${parameter.channels} channels`;
  }
}
