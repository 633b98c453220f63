/** Models made of a configuration and generated weights, without files; and the graphs that models run. */
import type { ModelFiles, TensorSource } from "../../hub/mod.ts";
import { join } from "@std/path";
import { Graph, type Node, parametersOf, Tensor } from "../../kernels/mod.ts";
import { type LoadOptions, VQModel } from "../../mod.ts";
import { embedDim, parseConfig, type VQConfig } from "../../model/architecture/config.ts";
import { decode } from "../../model/architecture/decoder.ts";
import { encode } from "../../model/architecture/encoder.ts";
import { quantize } from "../../model/architecture/quantizer.ts";
import { Scope } from "../../model/architecture/scope.ts";
import { tensorsOf } from "../../model/engine/checkpoint.ts";
import type { Dense } from "../support/golden.ts";
import { type Gains, syntheticImage, syntheticTensor } from "../support/synthetic.ts";
import { fixture } from "../support/paths.ts";
import { ANY_DEVICE } from "../support/engines.ts";

/** Two levels, an attention in the mid blocks, 24 codes of 3 numbers: one token for 2×2 pixels. */
export const TINY: Partial<VQConfig> = {
  block_out_channels: [4, 8],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D"],
  norm_num_groups: 2,
  num_vq_embeddings: 24,
};

/** Three levels, with everything a model may have: 32 channels reach Winograd's algorithm, attentions in levels, MoVQ. */
export const MOVQ: Partial<VQConfig> = {
  block_out_channels: [32, 32, 64],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
  up_block_types: ["AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
  norm_num_groups: 8,
  norm_type: "spatial",
  latent_channels: 4,
  num_vq_embeddings: 40,
};

/** Indices may be looked up in its codebook. */
export const LOOKUP: Partial<VQConfig> = { ...TINY, lookup_from_codebook: true };

/** A tensor of a checkpoint. Its elements are made when they are read. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly dtype?: string;
  readonly values: () => Float32Array<ArrayBuffer>;
}

/** The tensors of a checkpoint by name. */
export type Checkpoint = Map<string, StoredTensor>;

/** Tensors of these names and shapes, by the recipe. */
export function generate(
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
  recipe: { seed: number; gains?: Gains } = { seed: 1 },
): Checkpoint {
  return new Map(
    [...shapes].map(([name, shape]) => [name, { shape, values: () => syntheticTensor(name, shape, recipe) }]),
  );
}

/** Generated weights for a model of this configuration. */
export function checkpointOf(config: Partial<VQConfig>): Checkpoint {
  const parsed = parseConfig(config).config;
  const { in_channels, latent_channels, block_out_channels } = parsed;
  const g = new Graph();
  const side = 2 ** block_out_channels.length;
  recordEncoder(g, parsed, g.input([1, in_channels, side, side]));
  // Spatial norms are as wide as the latents, also where the codes are not.
  const [codes, zq] = [g.input([1, embedDim(parsed), 1, 1]), g.input([1, latent_channels, 1, 1])];
  decode(g, new Scope(), parsed, quantize(g, new Scope(), parsed, codes).quantized, { zq });
  return generate(parametersOf(g).flatMap(tensorsOf));
}

/** The files of a model that are in memory, and whether each opening was followed by a closing. */
export class MemoryFiles {
  readonly config: Record<string, unknown>;
  readonly checkpoint: Checkpoint;
  /** How many sources are open now. */
  open = 0;
  /** Names of the tensors that were read. */
  readonly reads: string[] = [];

  constructor(config: object, checkpoint: Checkpoint) {
    this.config = { ...config };
    this.checkpoint = checkpoint;
  }

  /** What `VQModel.fromFiles` takes. */
  readonly opener = (): Promise<ModelFiles> => {
    this.open++;
    let closed = false;
    const weights: TensorSource = {
      tensors: new Map([...this.checkpoint].map(([name, { shape, dtype = "F32" }]) => [name, { shape, dtype }])),
      read: (name) => {
        this.reads.push(name);
        return Promise.resolve(this.checkpoint.get(name)!.values());
      },
      close: () => {
        if (!closed) this.open--;
        closed = true;
        return Promise.resolve();
      },
    };
    return Promise.resolve({ config: this.config, configPath: "memory/config.json", weights });
  };
}

/** A model of this configuration with generated weights. */
export async function makeModel(
  config: Partial<VQConfig> = TINY,
  options: Pick<LoadOptions, "device" | "weights" | "memoryLimit" | "threads" | "signal" | "onProgress"> = {},
): Promise<VQModel> {
  const files = new MemoryFiles(config, checkpointOf(config));
  return await VQModel.fromFiles(files.opener, { device: ANY_DEVICE, ...options });
}

/** A generated picture. */
export function picture(...shape: number[]): Tensor {
  return new Tensor(syntheticImage(shape, 1), shape);
}

/** A tensor of one value. */
export function filled(value: number, ...shape: number[]): Tensor {
  return new Tensor(new Float32Array(shape.reduce((a, b) => a * b)).fill(value), shape);
}

/** A host tensor of an array. */
export function tensorOf({ data, shape }: Dense | Dense<Int32Array<ArrayBuffer>>): Tensor {
  return new Tensor(data, shape);
}

/** The elements of a tensor, which is disposed of. */
export async function take(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  using taken = tensor;
  return await taken.data() as Float32Array<ArrayBuffer>;
}

/** Records what `VQModel.encode` runs. */
export function recordEncoder(g: Graph, config: VQConfig, sample: Node): Node {
  return encode(g, new Scope(), config, sample);
}

/** Records what `VQModel.decode` runs, by way of the nearest codes. */
export function recordDecoder(
  g: Graph,
  config: VQConfig,
  latents: Node,
): ReturnType<typeof quantize> & { decoded: Node } {
  const quantization = quantize(g, new Scope(), config, latents);
  const { quantized } = quantization;
  return { ...quantization, decoded: decode(g, new Scope(), config, quantized) };
}

/** The result of a stage: of the last layer whose weights are `name`, or below it. */
export function stage(g: Graph, name: string): Node {
  const layerOf = (node: Graph["nodes"][number]) => "weights" in node ? node.weights.name : "";
  const node = g.nodes.findLast((node) => `${layerOf(node)}.`.startsWith(`${name}.`));
  if (!node) throw new Error(`No stage ${name} in the graph`);
  return node;
}

/** The golden folders that hold a model. */
export function modelGoldens(): string[] {
  const folder = fixture("golden");
  const holdsModel = (name: string) => [...Deno.readDirSync(join(folder, name))].some((f) => f.name === "config.json");
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter(holdsModel).sort();
}

/** Fails instead of waiting forever. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("nothing happened within 20 s")), 20_000);
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
