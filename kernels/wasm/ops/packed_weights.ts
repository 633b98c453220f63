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
  type NormParameter,
  type Parameter,
  type WeightValues,
} from "../../graph/parameters.ts";
import { settleAll } from "../../host/settle.ts";
import { padded } from "../memory/layout.ts";
import { Kind, PAGE_OCTETS, PIXEL_BYTES, SLICE } from "../abi.ts";
import { type JobRunner, packRows, readFloats } from "./pack_rows.ts";

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

  constructor(private readonly runner: JobRunner) {}

  /** A parameter that was set. */
  get(parameter: Parameter): Packed {
    return findParameter(this.#packed, parameter);
  }

  /** Packs a parameter. Replaces an earlier one of the same name. */
  async set(parameter: Parameter, weight: WeightValues, bias: WeightValues): Promise<void> {
    const { memory } = this.runner;
    checkParameter(parameter, weight, bias);
    checkChannels(parameter);
    this.#remove(parameter.name);
    const places: number[] = [];
    try {
      const packed = await this.#pack(parameter, weight, bias, places);
      this.#packed.set(parameter.name, { layer: parameter, prepared: packed });
      memory.countWeights(packed.bytes);
    } catch (error) {
      for (const address of places) memory.free(address);
      throw error;
    }
  }

  #pack(parameter: Parameter, weight: WeightValues, bias: WeightValues, places: number[]): Promise<Packed> {
    switch (parameter.kind) {
      case "norm":
        return this.#storeNorm(parameter, weight, bias, places);
      case "codebook":
        return this.#packCodebook(parameter, weight, places);
      default:
        return this.#packConv(parameter, weight, bias, places);
    }
  }

  #remove(name: string): void {
    const packed = this.#packed.get(name)?.prepared;
    if (!packed) return;
    const { memory } = this.runner;
    this.#packed.delete(name);
    memory.free(packed.weight);
    memory.free(packed.bias);
    memory.countWeights(-packed.bytes);
  }

  /** Allocates bytes, and adds the address to `places`. */
  #allocate(bytes: number, places: number[]): number {
    const address = this.runner.memory.allocate(bytes);
    places.push(address);
    return address;
  }

  async #storeNorm(
    { channels }: NormParameter,
    gamma: WeightValues,
    beta: WeightValues,
    places: number[],
  ): Promise<Packed> {
    const length = padded(channels);
    const weight = this.#allocate(4 * length, places), bias = this.#allocate(4 * length, places);
    await settleAll([this.#storePadded(gamma, weight, length), this.#storePadded(beta, bias, length)]);
    return { weight, bias, bytes: 8 * length };
  }

  async #packCodebook({ codes, channels }: CodebookParameter, values: WeightValues, places: number[]): Promise<Packed> {
    const bytes = 4 * 8 * Math.ceil(codes / 8) * channels;
    const weight = this.#allocate(bytes, places);
    await packRows(this.runner, { values, count: codes, length: channels }, (raw, firstOctet, octets) => {
      return { kind: Kind.PackCodebook, blocks: octets, fields: { raw, packed: weight, codes, channels, firstOctet } };
    });
    return { weight, bias: 0, bytes };
  }

  async #packConv(
    parameter: ConvParameter | LinearParameter,
    values: WeightValues,
    biases: WeightValues,
    places: number[],
  ): Promise<Packed> {
    const { in: inChannels, out: outChannels } = parameter;
    const columns = tapColumns(parameter);
    const taps = parameter.kind === "conv" ? parameter.kernel ** 2 : 1;
    const stored = tapChannels(inChannels), outStored = 8 * Math.ceil(outChannels / 8);
    const bytes = 4 * SLICE *
      (columns ? columns * Math.ceil(stored / SLICE) : outStored * Math.ceil(taps * stored / SLICE));
    const packed = this.#allocate(bytes, places), bias = this.#allocate(4 * outStored, places);
    const rows = { values, count: outChannels, length: inChannels * taps };
    const packing = packRows(this.runner, rows, (raw, firstOctet, octets) => {
      if (!columns) {
        const fields = { raw, packed, inChannels, outChannels, taps, stored, firstOctet, octets };
        return { kind: Kind.PackConv, blocks: Math.ceil(octets / PAGE_OCTETS), fields };
      }
      const fields = { raw, packed, inChannels, outChannels, octets: columns / 8 };
      return { kind: Kind.PackTaps, blocks: columns / 8, fields };
    });
    await settleAll([packing, this.#storePadded(biases, bias, outStored)]);
    return { weight: packed, bias, bytes: bytes + 4 * outStored };
  }

  /** Stores values and, up to `length`, zeros. */
  async #storePadded(values: WeightValues, address: number, length: number): Promise<void> {
    const view = this.runner.memory.floats(address, length);
    view.fill(0, values.length);
    await readFloats(values, view.subarray(0, values.length));
  }
}

/** Channels per tap of packed weights. One to three are not padded, so that nine taps of them fit one slice. */
export function tapChannels(channels: number): number {
  return channels < 4 ? channels : padded(channels);
}

/** With fewer input channels, adding up the products of taps takes longer than it saves. */
const TAP_INPUTS = 16;
/** Maximum output channels whose taps are columns: one vector. */
const TAP_OUTPUTS = 4;

/**
 * Columns of the weights of a 3×3 convolution to few channels, packed as a matrix with one column for each tap and output
 * channel, in whole octets; 0 for all other weights. With output channels as columns, most of an octet would be padding.
 */
export function tapColumns(weights: ConvParameter | LinearParameter): number {
  const isThin = weights.kind === "conv" && weights.kernel === 3 && weights.stride === 1 &&
    weights.in >= TAP_INPUTS && weights.out <= TAP_OUTPUTS;
  return isThin ? 8 * Math.ceil(9 * weights.out / 8) : 0;
}

/** Refuses more channels than there are zeros to read outside an image. */
function checkChannels(parameter: Parameter): void {
  const channels = "channels" in parameter ? parameter.channels : Math.max(parameter.in, parameter.out);
  if (4 * padded(channels) > PIXEL_BYTES) {
    throw new RangeError(`Cannot set ${parameter.name}: ${channels} channels, at most ${PIXEL_BYTES / 4} are possible`);
  }
}
