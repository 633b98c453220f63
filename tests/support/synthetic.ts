/**
 * Weights and pictures out of integer arithmetic, the same on every machine: what `fixtures/real` was computed with, so
 * that architectures of hundreds of megabytes can be tested without a download.
 *
 * A value is `centre + scale * r`, with r in [-1, 1) hashed from the tensor's name, a seed and the element's index; centre
 * and scale follow from the tensor's role.
 */
import { fixture } from "./paths.ts";

/** How strong the values of each role are. */
export type Gains = Readonly<
  Record<"weight" | "qk" | "conv_out" | "quant_conv" | "codebook" | "bias" | "norm", number>
>;

/** The gains of a recipe that names none. */
export const DEFAULT_GAINS: Gains = {
  weight: 1,
  qk: 1.5,
  conv_out: 1,
  quant_conv: 1,
  codebook: 1,
  bias: 0.1,
  norm: 0.1,
};

/** The 32-bit FNV-1a hash of a string's UTF-8 bytes. */
export function fnv1a32(text: string): number {
  let hash = 0x811C9DC5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Where the hash of a tensor starts; each index adds another 0x85EBCA6B. */
function startOf(name: string, seed: number): number {
  return (fnv1a32(name) + Math.imul(seed, 0x9E3779B9)) | 0;
}

/** r in [-1, 1), a multiple of 2^-23. */
function unit(start: number, index: number): number {
  let h = (start + Math.imul(index, 0x85EBCA6B)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85EBCA6B);
  h = Math.imul(h ^ (h >>> 13), 0xC2B2AE35);
  return ((h ^ (h >>> 16)) >>> 8) / 2 ** 23 - 1;
}

/** r of element `index` of a tensor. */
export function hashUnit(name: string, seed: number, index: number): number {
  return unit(startOf(name, seed), index);
}

/** The elements of the weight tensor of that name and shape. */
export function syntheticTensor(
  name: string,
  shape: readonly number[],
  { seed, gains = DEFAULT_GAINS }: { seed: number; gains?: Gains },
): Float32Array<ArrayBuffer> {
  const [centre, scale] = rangeOf(name, shape, gains);
  const start = startOf(name, seed);
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  for (let i = 0; i < values.length; i++) values[i] = centre + scale * unit(start, i);
  return values;
}

/** Centre and scale of a tensor's values. */
function rangeOf(name: string, shape: readonly number[], gains: Gains): [number, number] {
  const [owner, kind] = name.split(".").slice(-2);
  if (name === "quantize.embedding.weight") return [0, gains.codebook];
  if (owner.includes("norm")) return [kind === "weight" ? 1 : 0, gains.norm];
  if (kind === "bias") return [owner === "conv_y" ? 1 : 0, gains.bias];
  const fanIn = shape.slice(1).reduce((product, side) => product * side, 1);
  return [0, gainOf(owner, gains) * Math.sqrt(3 / fanIn)];
}

function gainOf(owner: string, gains: Gains): number {
  if (owner === "to_q" || owner === "to_k") return gains.qk;
  if (owner === "quant_conv") return gains.quant_conv;
  if (owner === "conv_out") return gains.conv_out;
  return gains.weight;
}

/** A picture `[n, c, h, w]` in [-1, 1): noise per pixel, per 4×4 tile and, twice as strong, per 16×16 tile. */
export function syntheticImage(shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const [batch, channels, height, width] = shape;
  const layers = [[1, 0.25], [4, 0.25], [16, 0.5]].map(([cell, share]) => ({
    cell,
    share,
    rows: Math.ceil(height / cell),
    columns: Math.ceil(width / cell),
    start: startOf(`sample/${cell}`, seed),
  }));
  const pixels = new Float32Array(batch * channels * height * width);
  let i = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const { cell, share, rows, columns, start } of layers) {
          const tile = (plane * rows + Math.floor(y / cell)) * columns + Math.floor(x / cell);
          sum += share * unit(start, tile);
        }
        pixels[i++] = sum;
      }
    }
  }
  return pixels;
}

/** What `weights.json` says: how a model's weights are made, and SHA-256 hashes of what comes out. */
export interface Recipe {
  readonly seed: number;
  readonly gains: Gains;
  readonly sample_shape: number[];
  readonly sample_sha256: string;
  readonly first_tensor: string;
  readonly first_tensor_sha256: string;
  readonly all_tensors_sorted_by_name_sha256: string;
  readonly parameters: number;
  readonly tensors: Record<string, { readonly shape: number[]; readonly sha256_16: string }>;
}

/** The recipe of `fixtures/real/NAME`. */
export function loadRecipe(name: string): Recipe {
  return JSON.parse(Deno.readTextFileSync(fixture(`real/${name}/weights.json`)));
}
