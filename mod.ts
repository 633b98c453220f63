/**
 * Image tokenizers (VQ-VAE, VQGAN, MoVQ): Hugging Face Diffusers' `VQModel` in TypeScript. A picture becomes a grid of
 * integers, and the integers become a picture again, with the same results as in Python.
 *
 * ```sh
 * deno add jsr:@codebook/vqmodel
 * ```
 *
 * - {@linkcode VQModel.fromPretrained} loads a model from the Hugging Face Hub or from a folder: any that Diffusers saved,
 *   such as `"amused/amused-256"`.
 * - {@linkcode ImageProcessor} turns picture files into tensors and back, bit for bit as Diffusers and Pillow do.
 * - {@linkcode VQModel.tokenize} and {@linkcode VQModel.detokenize} go from a picture to its tokens and back;
 *   {@linkcode VQModel.encode}, {@linkcode VQModel.quantize}, {@linkcode VQModel.decode} and {@linkcode VQModel.forward} are
 *   upstream's methods.
 * - {@linkcode saveTokens} and {@linkcode readTokens} keep tokens in `.npz`, `.npy`, `.safetensors`, `.pt` or `.json` files,
 *   which Python reads and writes too.
 *
 * It computes on WebGPU where there is a GPU, otherwise on a CPU engine in WebAssembly SIMD with threads; the option
 * `device` chooses one. Computing needs no permission, reading a model `--allow-read` or `--allow-net`. The library never
 * prints. Also there: `@codebook/vqmodel/hub` for model files, `@codebook/vqmodel/kernels` for the engines alone, and a
 * command line, `deno run -A jsr:@codebook/vqmodel/cli --help`.
 *
 * @example From a picture to its tokens and back
 * ```ts
 * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * using model = await VQModel.fromPretrained("examples/models/leaves-f4"); // or "owner/name" on the Hub
 * const processor = ImageProcessor.for(model); // range of pixels, sides and channels as the model takes them
 *
 * using sample = await processor.preprocess("examples/images/still-life.png", { height: 64, width: 96 });
 * const tokens = await model.tokenize(sample); // { indices: Int32Array, shape: [1, 16, 24] }
 * using decoded = await model.detokenize(tokens);
 *
 * const [picture] = await processor.postprocess(decoded); // picture.save("reconstruction.png") writes it
 * assertEquals([picture.width, picture.height], [96, 64]);
 * assertEquals(tokens.shape, [1, 16, 24]);
 * ```
 *
 * @module
 */

export {
  type CachedModel,
  type CachedRevision,
  type CacheOptions,
  type DamagedFile,
  type GivenFile,
  HubError,
  type HubModelOptions,
  type HubProgress,
  listCachedModels,
  type ModelChoice,
  type ModelFiles,
  type ModelHalf,
  nearestName,
  printable,
  type PushOptions,
  type PushResult,
  removeCachedModel,
  type SaveOptions,
  type TensorInfo,
  type TensorSource,
  verifyCachedModel,
  WeightsError,
} from "./hub/mod.ts";
export {
  type Device,
  DeviceError,
  type DType,
  type MemoryUse,
  type OpCost,
  type OpProfile,
  type PixelRange,
  type Shape,
  Tensor,
  type TensorData,
  type TuningStore,
} from "./kernels/mod.ts";
export * from "./model/mod.ts";
