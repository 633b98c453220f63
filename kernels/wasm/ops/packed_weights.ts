/**
 * Weights, packed in the order in which the kernels read them.
 *
 * @module
 */

import {
  checkParameter,
  type CodebookParameter,
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

/** How to compute 3×3 convolutions. */
export type ConvAlgorithm = "implicitGemm" | "winograd";

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
      const packed = await this.#pack(parameter, weight, bias, places);
      this.#packed.set(parameter.name, { layer: parameter, prepared: packed });
      this.memory.countWeights(bytesOf(packed));
    } catch (error) {
      for (const address of places) this.memory.free(address);
      throw error;
    }
  }

  #pack(parameter: Parameter, weight: Float32Array, bias: Float32Array, places: number[]): Packed | Promise<Packed> {
    switch (parameter.kind) {
      case "norm":
        return this.#storeNorm(parameter.channels, weight, bias, places);
      case "codebook":
        return this.#packCodebook(parameter, weight, places);
      default:
        return this.#packConv(parameter, weight, bias, places);
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

  async #packCodebook({ codes, channels }: CodebookParameter, values: Float32Array, places: number[]): Promise<Packed> {
    const octets = Math.ceil(codes / 8), stored = padded(channels);
    const bytes = 4 * 8 * octets * channels, rowBytes = 4 * codes * stored;
    const packed = this.#allocate(bytes, places), rows = this.#allocate(rowBytes, places);
    await this.#packFrom(values, (raw) => [
      { kind: Kind.PackCodebook, blocks: octets, fields: { raw, packed, rows, codes, channels, stored } },
    ]);
    return { kind: Kind.PackCodebook, weight: packed, bias: rows, bytes: bytes + rowBytes };
  }

  async #packConv(
    parameter: ConvParameter | LinearParameter,
    values: Float32Array,
    biases: Float32Array,
    places: number[],
  ): Promise<Packed> {
    const { in: inChannels, out: outChannels } = parameter;
    const blocks = Math.ceil(outChannels / 8);
    const { kind, taps, bytes, implicitGemmBytes } = convPacking(parameter, this.algorithm);
    const weight = this.#allocate(bytes, places), bias = this.#storePadded(biases, 8 * blocks, places);
    const implicitGemm = implicitGemmBytes === 0 ? undefined : {
      kind: Kind.PackImplicitGemm,
      weight: this.#allocate(implicitGemmBytes, places),
      bias,
      bytes: implicitGemmBytes,
    } as const;
    await this.#packFrom(values, (raw) => {
      const job = (kind: ConvKind, packed: number): Job => {
        return { kind, blocks, fields: { raw, packed, inChannels, outChannels, taps, stored: padded(inChannels) } };
      };
      return [job(kind, weight), ...implicitGemm ? [job(implicitGemm.kind, implicitGemm.weight)] : []];
    });
    return { kind, weight, bias, bytes: bytes + 4 * 8 * blocks, implicitGemm };
  }

  /** Runs jobs that pack weights from a temporary copy. */
  async #packFrom(values: Float32Array, jobs: (raw: number) => Job[]): Promise<void> {
    const raw = this.#storePadded(values, values.length, []);
    try {
      await this.run(jobs(raw));
    } finally {
      this.memory.free(raw);
    }
  }
}

/** Bytes of a parameter in all of its forms. */
function bytesOf({ bytes, implicitGemm }: Packed): number {
  return bytes + (implicitGemm?.bytes ?? 0);
}

/** How a convolution is packed. */
interface ConvPacking {
  readonly kind: ConvKind;
  readonly taps: number;
  /** Bytes of the packed weights. */
  readonly bytes: number;
  /** Bytes of the weights for implicit GEMM, if they are kept as well. */
  readonly implicitGemmBytes: number;
}

function convPacking(
  parameter: ConvParameter | LinearParameter,
  algorithm: ConvAlgorithm | undefined,
): ConvPacking {
  const taps = parameter.kind === "conv" ? parameter.kernel ** 2 : 1;
  const slice = 4 * SLICE * 8 * Math.ceil(parameter.out / 8);
  const matrix = Math.ceil(taps * padded(parameter.in) / SLICE) * slice;
  const canTransform = algorithm !== "implicitGemm" && taps === 9 && parameter.in >= WINOGRAD_CHANNELS;
  if (!canTransform) return { kind: Kind.PackImplicitGemm, taps, bytes: matrix, implicitGemmBytes: 0 };
  const kind = winogradKind(parameter);
  return {
    kind,
    taps,
    bytes: (kind === Kind.PackWinograd6 ? 64 : 36) * Math.ceil(parameter.in / SLICE) * slice,
    implicitGemmBytes: !algorithm && parameter.in * parameter.out <= SMALL_WEIGHTS ? matrix : 0,
  };
}

function winogradKind(parameter: ConvParameter | LinearParameter) {
  if (parameter.kind === "conv" && parameter.stride === 2) return Kind.PackWinogradStrided;
  return parameter.in * parameter.out <= SMALL_WEIGHTS ? Kind.PackWinograd6 : Kind.PackWinograd4;
}

/** Refuses more channels than there are zeros to read outside an image. */
function checkChannels(parameter: Parameter): void {
  const channels = "channels" in parameter ? parameter.channels : Math.max(parameter.in, parameter.out);
  if (4 * padded(channels) > PIXEL_BYTES) {
    throw new RangeError(`Cannot set ${parameter.name}: ${channels} channels, at most ${PIXEL_BYTES / 4} are possible`);
  }
}
