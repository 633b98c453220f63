/**
 * Reads files of `torch.save`, in any of its formats.
 *
 * @module
 */

import type { ByteSource } from "../byte_source.ts";
import { WeightsError } from "../../errors.ts";
import type { TensorSource } from "../tensor_source.ts";
import { conversionCommand } from "./conversion.ts";
import { readTorchLegacy } from "./legacy.ts";
import type { TorchTensor } from "./objects.ts";
import { MAX_PICKLE_SIZE, spanOf, type TorchFile, torchTensorSource } from "./state_dict.ts";
import { readTorchZip } from "./checkpoint.ts";

/** Offset of the magic text of a tar archive. */
const TAR_MAGIC_OFFSET = 257;

/**
 * Opens the tensors of a `.bin`, `.pt` or `.ckpt` file in the current format (zip) or that of torch before 1.6: a state
 * dict, or a checkpoint with one under `ema`, `model` or `state_dict` (the first that holds tensors). Everything else, such
 * as optimizer states, is ignored. No code in it is run. Reads only the description of the tensors at first; closing the
 * result closes `source`.
 *
 * @throws {WeightsError} if the file is damaged, in another format, or contains no tensors
 */
export async function openTorch(source: ByteSource): Promise<TensorSource> {
  return torchTensorSource(source, await readTorchFile(source, MAX_PICKLE_SIZE));
}

/** The object in a file of `torch.save`. The elements of its tensors are read on request. */
export interface TorchContent {
  /** The object: tensors as {@linkcode TorchTensor}s, dictionaries as `Map`s. */
  readonly value: unknown;
  /**
   * Reads the bytes of a tensor in `value` from its first element to its last, little-endian; {@linkcode toRowMajor} orders
   * the elements.
   *
   * @throws {WeightsError} if the file is damaged
   */
  read(tensor: TorchTensor): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Reads any object that `torch.save` wrote: a zip archive, or the format before torch 1.6. No code in it is run, and
 * `source` is not closed.
 *
 * Upstream: `torch.load`.
 *
 * @param maxPickleSize largest size of the pickle in bytes; each byte may take a few hundred bytes of memory
 * @throws {WeightsError} if the file is damaged, or in another format
 */
export async function readTorch(source: ByteSource, maxPickleSize: number): Promise<TorchContent> {
  const { value, openStorage } = await readTorchFile(source, maxPickleSize);
  return {
    value,
    async read(tensor) {
      const [reader, span] = [openStorage(tensor.storage), spanOf(tensor)];
      reader.expect([span]);
      return await reader.read(span);
    },
  };
}

async function readTorchFile(source: ByteSource, maxPickleSize: number): Promise<TorchFile> {
  const start = await source.read(0, Math.min(TAR_MAGIC_OFFSET + 5, source.size));
  if (start[0] === 0x80) return await readTorchLegacy(source, maxPickleSize); // a pickle's first instruction
  if (String.fromCharCode(...start.subarray(TAR_MAGIC_OFFSET)) === "ustar") {
    throw new WeightsError(
      `Cannot read ${source.name}: it is in the format of torch before 0.2. If you trust it, convert it: ` +
        conversionCommand(source.name, { weightsOnly: false }),
    );
  }
  return await readTorchZip(source, maxPickleSize);
}
