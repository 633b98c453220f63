/**
 * Weights, packed in the order in which the kernels read them.
 *
 * @module
 */

import {
  checkParameter,
  type ConvParameter,
  findParameter,
  type Kept,
  type LinearParameter,
  type Parameter,
} from "../../graph/parameters.ts";
import type { Job } from "../threads/job.ts";
import { padded } from "../memory/layout.ts";
import type { Memory } from "../memory/memory.ts";
import { Kind, PIXEL_BYTES, SLICE } from "../abi.ts";

/** How the weights of a convolution can be packed. */
export type ConvKind = Kind.PackImplicitGemm | Kind.PackWinograd4 | Kind.PackWinograd6 | Kind.PackWinogradStrided;

/** How to compute 3×3 convolutions: `"direct"` is implicit GEMM. */
export type ConvAlgorithm = "direct" | "winograd";

/** A packed parameter. */
export interface Packed {
  readonly kind: ConvKind | Kind.PackCodebook | "norm";
  /** Address of the packed weights; for a norm, of its scale. */
  readonly weight: number;
  /** Address of the padded bias; for a codebook, of its rows. */
  readonly bias: number;
  /** Bytes of both. */
  readonly bytes: number;
  /** For a convolution packed for Winograd's algorithm: its weights for implicit GEMM, which small maps use. */
  readonly implicitGemm?: Packed;
}

/** With fewer channels, Winograd's transforms cost more than its products save. */
const WINOGRAD_CHANNELS = 16;
/**
 * Up to this product of input and output channels, weights are small enough for 64 positions instead of 36, and to be kept
 * for implicit GEMM as well.
 */
const SMALL_WEIGHTS = 256 * 256;

/** Every parameter by name. */
export class Parameters {
  #packed = new Map<string, Kept<Packed>>();

  /** Convolutions are prepared for `algorithm`, or else for both; `run` computes a list of jobs. */
  constructor(
    private readonly memory: Memory,
    private readonly algorithm: ConvAlgorithm | undefined,
    private readonly run: (jobs: readonly Job[]) => Promise<void>,
  ) {}

  /** A parameter that was set. */
  get(parameter: Parameter): Packed {
    return findParameter(this.#packed, parameter);
  }

  /** Packs a parameter. Replaces an earlier one of the same name. */
  async set(parameter: Parameter, weight: Float32Array, bias: Float32Array): Promise<void> {
    checkParameter(parameter, weight, bias);
    checkChannels(parameter);
    this.#remove(parameter.name);
    const places: number[] = [];
    try {
      const packed = parameter.kind === "norm"
        ? this.#storeNorm(parameter.channels, weight, bias, places)
        : await this.#pack(parameter, weight, bias, places);
      this.#packed.set(parameter.name, { layer: parameter, prepared: packed });
      this.memory.countWeights(bytesOf(packed));
    } catch (error) {
      for (const address of places) this.memory.free(address);
      throw error;
    }
  }

  #remove(name: string): void {
    const packed = this.#packed.get(name)?.prepared;
    if (!packed) return;
    this.#packed.delete(name);
    this.memory.free(packed.weight);
    this.memory.free(packed.bias);
    if (packed.implicitGemm) this.memory.free(packed.implicitGemm.weight);
    this.memory.countWeights(-bytesOf(packed));
  }

  /** Allocates bytes, and adds the address to `places`. */
  #allocate(bytes: number, places: number[]): number {
    const address = this.memory.allocate(bytes);
    places.push(address);
    return address;
  }

  #storeNorm(channels: number, gamma: Float32Array, beta: Float32Array, places: number[]): Packed {
    const length = padded(channels);
    const weight = this.#storePadded(gamma, length, places), bias = this.#storePadded(beta, length, places);
    return { kind: "norm", weight, bias, bytes: 8 * length };
  }

  #storePadded(values: Float32Array, length: number, places: number[]): number {
    const address = this.#allocate(4 * length, places);
    const view = this.memory.floats(address, length);
    view.fill(0);
    view.set(values);
    return address;
  }

  /** Packs weights from a temporary copy. */
  async #pack(
    parameter: Exclude<Parameter, { kind: "norm" }>,
    weight: Float32Array,
    bias: Float32Array,
    places: number[],
  ): Promise<Packed> {
    const { kind, inputs, outputs, taps, floats, second, implicitGemmFloats } = packing(parameter, this.algorithm);
    const address = this.#allocate(4 * floats, places);
    const rest = kind === Kind.PackCodebook
      ? this.#allocate(4 * second, places)
      : this.#storePadded(bias, second, places);
    const implicitGemm = implicitGemmFloats > 0
      ? {
        kind: Kind.PackImplicitGemm,
        weight: this.#allocate(4 * implicitGemmFloats, places),
        bias: rest,
        bytes: 4 * implicitGemmFloats,
      } as const
      : undefined;
    const copy: number[] = [];
    try {
      const raw = this.#storePadded(weight, weight.length, copy);
      const blocks = Math.ceil(outputs / 8), stored = padded(inputs);
      const packConv = (kind: ConvKind, packed: number): Job => {
        return { kind, blocks, fields: { raw, packed, inChannels: inputs, outChannels: outputs, taps, stored } };
      };
      const packCodebook = (packed: number, rows: number): Job => {
        return {
          kind: Kind.PackCodebook,
          blocks,
          fields: { raw, packed, rows, codes: outputs, channels: inputs, stored },
        };
      };
      const first = kind === Kind.PackCodebook ? packCodebook(address, rest) : packConv(kind, address);
      await this.run([first, ...implicitGemm ? [packConv(implicitGemm.kind, implicitGemm.weight)] : []]);
    } finally {
      copy.forEach((place) => this.memory.free(place));
    }
    return { kind, weight: address, bias: rest, bytes: 4 * (floats + second), implicitGemm };
  }
}

/** Bytes of a parameter in all of its forms. */
function bytesOf({ bytes, implicitGemm }: Packed): number {
  return bytes + (implicitGemm?.bytes ?? 0);
}

/** How a parameter is packed: sizes in floats of its two parts, and of its weights for implicit GEMM if kept as well. */
function packing(parameter: Exclude<Parameter, { kind: "norm" }>, algorithm: ConvAlgorithm | undefined) {
  if (parameter.kind === "codebook") {
    const { channels: inputs, codes: outputs } = parameter;
    const floats = Math.ceil(outputs / 8) * 8 * inputs;
    const second = outputs * padded(inputs);
    return { kind: Kind.PackCodebook, inputs, outputs, taps: 1, floats, second, implicitGemmFloats: 0 } as const;
  }
  const { in: inputs, out: outputs } = parameter;
  const taps = parameter.kind === "conv" ? parameter.kernel ** 2 : 1;
  const octets = Math.ceil(outputs / 8), second = octets * 8;
  const slice = octets * SLICE * 8;
  const canTransform = algorithm !== "direct" && taps === 9 && inputs >= WINOGRAD_CHANNELS;
  const kind = canTransform ? winogradKind(parameter) : Kind.PackImplicitGemm;
  const matrix = Math.ceil(taps * padded(inputs) / SLICE) * slice;
  if (kind === Kind.PackImplicitGemm) {
    return { kind, inputs, outputs, taps, floats: matrix, second, implicitGemmFloats: 0 } as const;
  }
  const floats = (kind === Kind.PackWinograd6 ? 64 : 36) * Math.ceil(inputs / SLICE) * slice;
  const implicitGemmFloats = !algorithm && inputs * outputs <= SMALL_WEIGHTS ? matrix : 0;
  return { kind, inputs, outputs, taps, floats, second, implicitGemmFloats } as const;
}

function winogradKind(parameter: ConvParameter | LinearParameter) {
  if (parameter.kind === "conv" && parameter.stride === 2) return Kind.PackWinogradStrided;
  return parameter.in * parameter.out <= SMALL_WEIGHTS ? Kind.PackWinograd6 : Kind.PackWinograd4;
}

/** Refuses more channels than the constant zero pixel has. */
function checkChannels(parameter: Parameter): void {
  const channels = "channels" in parameter ? parameter.channels : Math.max(parameter.in, parameter.out);
  if (4 * padded(channels) > PIXEL_BYTES) {
    throw new RangeError(`Cannot set ${parameter.name}: ${channels} channels, at most ${PIXEL_BYTES / 4} are possible`);
  }
}
