/**
 * Model files: repositories of the Hugging Face Hub, local directories, safetensors, and torch's `.bin` files. It handles
 * bytes and JSON and does no computation; it works in Deno, in Node and in browsers.
 *
 * Headers are checked against their file before memory is allocated, tensors are read one at a time, and code in `.bin`
 * files is never run.
 *
 * @example The tensors of a file, one after another
 * ```ts
 * import { openSafetensors, safetensorsChunks, sourceOfBytes } from "@codebook/vqmodel/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = { name: "scale", dtype: "F32", shape: [3], data: () => Float32Array.of(1, 2, 3) };
 * const bytes = await new Response(ReadableStream.from(safetensorsChunks([scale]))).bytes();
 *
 * const weights = await openSafetensors(sourceOfBytes(bytes, "scale.safetensors"));
 * for (const [name, { dtype, shape }] of weights.tensors) {
 *   assertEquals([name, dtype, shape], ["scale", "F32", [3]]);
 *   assertEquals(await weights.read(name), Float32Array.of(1, 2, 3));
 * }
 * await weights.close();
 * ```
 *
 * @module
 */

// Models
export { HUB_MODEL_OPTIONS, type HubModelOptions, locateModel, openHubModel, openModel } from "./models/hub_model.ts";
export { locateFile, openSingleFile, SINGLE_FILE_OPTIONS, type SingleFileOptions } from "./models/single_file.ts";
export { openLocalModel } from "./models/local.ts";
export { type GivenFile, openGivenFiles } from "./models/given_files.ts";
export { checkOnly, isOfOtherHalf, type ModelHalf } from "./models/halves.ts";
export { MODEL_CHOICE, type ModelChoice, type ModelFiles } from "./models/open_model.ts";
export { SAVE_OPTIONS, saveLocalModel, type SaveOptions } from "./models/save.ts";
export { PUSH_OPTIONS, type PushOptions, type PushResult, pushToHub } from "./remote/push.ts";
export type { HubAccess } from "./remote/access.ts";
export type { HubProgress, OnProgress } from "./remote/progress.ts";
export { openUrl, streamUrl } from "./remote/url_source.ts";
export { type CacheOptions, listCachedModels, removeCachedModel, verifyCachedModel } from "./cache/cached_models.ts";
export type { CachedModel, CachedRevision, DamagedFile } from "./cache/repo_cache.ts";
export { isLocalPath } from "./repo_id.ts";

// File formats
export { type ByteSource, openFile, sourceOfBlob, sourceOfBytes, type Span } from "./formats/byte_source.ts";
export {
  bytesToIntegers,
  INTEGER_TYPES,
  type IntegerDType,
  type IntegerElements,
  integersToBytes,
  type IntegerType,
  integerType,
  numpyType,
  smallestUnsignedType,
} from "./formats/integers.ts";
export { type ErrorClass, parseJson } from "./formats/json.ts";
export {
  decodeNpyHeader,
  decodeNpyTexts,
  encodeNpyHeader,
  encodeNpyTexts,
  isNpy,
  MAX_NPY_HEADER_BYTES,
  type NpyHeader,
} from "./formats/npy.ts";
export {
  openSafetensors,
  type PlacedTensor,
  readSafetensorsHeader,
  type SafetensorsHeader,
} from "./formats/safetensors.ts";
export {
  encodeSafetensorsHeader,
  type NamedTensorInfo,
  safetensorsChunks,
  type TensorToWrite,
  writeSafetensors,
} from "./formats/safetensors_writer.ts";
export { type OpenBytes, openWeights } from "./formats/tensor_files.ts";
export type { FloatType, StoredTensor, TensorInfo, TensorSource } from "./formats/tensor_source.ts";
export { openTorchZip } from "./formats/torch/checkpoint.ts";
export { type TorchStorage, TorchTensor } from "./formats/torch/objects.ts";
export { openTorch, readTorch, type TorchContent } from "./formats/torch/open.ts";
export { type Strided, toRowMajor } from "./formats/torch/strided.ts";
export { readZipDirectory, type ZipEntry } from "./formats/torch/zip.ts";
export { readZipEntry } from "./formats/torch/zip_entry.ts";

// This machine
export { openTextStore, type TextStore } from "./cache/text_store.ts";
export { HubError, type HubErrorOptions, WeightsError } from "./errors.ts";
export { checkOptions, nearestName, type OptionNames, pickOptions } from "./check_options.ts";
export { printable } from "./show.ts";
export { hasFileSystem, readBytes } from "./system/read_file.ts";
export { sha256Of } from "./system/hash.ts";
export { saveFile } from "./system/save_file.ts";
export { type FileContent, renameSynced, syncFolder, writeSynced } from "./system/atomic_write.ts";
export { withTemporaryDirectory } from "./system/temporary.ts";
