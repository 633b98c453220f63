/**
 * Opens what `torch.save(state_dict, path)` writes, in whichever of its formats.
 *
 * @module
 */

import type { ByteSource } from "../byte_source.ts";
import { WeightsError } from "../../errors.ts";
import type { TensorSource } from "../tensor_source.ts";
import { conversionCommand } from "./conversion.ts";
import { readTorchLegacy } from "./legacy.ts";
import type { TorchTensor } from "./objects.ts";
import { LARGEST_PICKLE, spanOf, type TorchFile, torchTensorSource } from "./state_dict.ts";
import { readTorchZip } from "./checkpoint.ts";

/** Where a tar archive says that it is one. */
const TAR_MARK = 257;

/**
 * The tensors of a `.bin`, `.pt` or `.ckpt` file, of today's format (zip) or that of torch before 1.6: a state dict, or a
 * checkpoint that holds one as `state_dict`. What else is in it, such as the states of optimizers, is passed over. No code
 * in it is run. Only the description of the tensors is read now; closing the result closes `source`.
 *
 * @throws {WeightsError} if the file is damaged, of another format, or holds no tensors
 */
export async function openTorch(source: ByteSource): Promise<TensorSource> {
  return torchTensorSource(source, await readTorchFile(source, LARGEST_PICKLE));
}

/** The object in a file of `torch.save`, of which only tensors' elements are left to read. */
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
  const start = await source.read(0, Math.min(TAR_MARK + 5, source.size));
  if (start[0] === 0x80) return await readTorchLegacy(source, maxPickleSize); // a pickle's first instruction
  if (String.fromCharCode(...start.subarray(TAR_MARK)) === "ustar") {
    throw new WeightsError(
      `Cannot read ${source.name}: it is in the format of torch before 0.2. If you trust it, convert it: ` +
        conversionCommand(source.name, { weightsOnly: false }),
    );
  }
  return await readTorchZip(source, maxPickleSize);
}
