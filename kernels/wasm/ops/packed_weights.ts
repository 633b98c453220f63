/**
 * Weights, packed in the order in which the kernels read them. Each is held once, in about the bytes of the checkpoint.
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

/** A packed parameter. */
export interface Packed {
  /** Address of the packed weights: of a convolution, a codebook, or a norm's scale. */
  readonly weight: number;
  /** Address of the padded bias; 0 for a codebook, which has none. */
  readonly bias: number;
  /** Bytes of both. */
  readonly bytes: number;
}

/** Every parameter by name. */
export class Parameters {
  #packed = new Map<string, Kept<Packed>>();

  /** `run` computes a list of jobs. */
  constructor(private readonly memory: Memory, private readonly run: (jobs: readonly Job[]) => Promise<void>) {}

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
      this.memory.countWeights(packed.bytes);
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
    this.memory.countWeights(-packed.bytes);
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
    return { weight, bias, bytes: 8 * length };
  }

  #storePadded(values: Float32Array, length: number, places: number[]): number {
    const address = this.#allocate(4 * length, places);
    const view = this.memory.floats(address, length);
    view.fill(0);
    view.set(values);
    return address;
  }

  async #packCodebook({ codes, channels }: CodebookParameter, values: Float32Array, places: number[]): Promise<Packed> {
    const blocks = Math.ceil(codes / 8);
    const bytes = 4 * 8 * blocks * channels;
    const weight = this.#allocate(bytes, places);
    await this.#packFrom(values, (raw) => {
      return { kind: Kind.PackCodebook, blocks, fields: { raw, packed: weight, codes, channels } };
    });
    return { weight, bias: 0, bytes };
  }

  async #packConv(
    parameter: ConvParameter | LinearParameter,
    values: Float32Array,
    biases: Float32Array,
    places: number[],
  ): Promise<Packed> {
    const { in: inChannels, out: outChannels } = parameter;
    const taps = parameter.kind === "conv" ? parameter.kernel ** 2 : 1;
    const stored = padded(inChannels), blocks = Math.ceil(outChannels / 8);
    const bytes = 4 * SLICE * 8 * blocks * Math.ceil(taps * stored / SLICE);
    const weight = this.#allocate(bytes, places), bias = this.#storePadded(biases, 8 * blocks, places);
    await this.#packFrom(values, (raw) => {
      return { kind: Kind.PackConv, blocks, fields: { raw, packed: weight, inChannels, outChannels, taps, stored } };
    });
    return { weight, bias, bytes: bytes + 4 * 8 * blocks };
  }

  /** Runs the job that packs weights from a temporary copy. */
  async #packFrom(values: Float32Array, job: (raw: number) => Job): Promise<void> {
    const raw = this.#storePadded(values, values.length, []);
    try {
      await this.run([job(raw)]);
    } finally {
      this.memory.free(raw);
    }
  }
}

/** Refuses more channels than there are zeros to read outside an image. */
function checkChannels(parameter: Parameter): void {
  const channels = "channels" in parameter ? parameter.channels : Math.max(parameter.in, parameter.out);
  if (4 * padded(channels) > PIXEL_BYTES) {
    throw new RangeError(`Cannot set ${parameter.name}: ${channels} channels, at most ${PIXEL_BYTES / 4} are possible`);
  }
}
