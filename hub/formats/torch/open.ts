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
import { LARGEST_PICKLE, type TorchFile, torchTensorSource } from "./state_dict.ts";
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
  return torchTensorSource(source, await readTorch(source, LARGEST_PICKLE));
}

/**
 * Whatever `torch.save` was given, in whichever of its formats.
 *
 * @param largestPickle how many bytes its description may have; each may become some hundred bytes of memory
 * @throws {WeightsError} if the file is damaged, or of another format
 */
export async function readTorch(source: ByteSource, largestPickle: number): Promise<TorchFile> {
  const start = await source.read(0, Math.min(TAR_MARK + 5, source.size));
  if (start[0] === 0x80) return await readTorchLegacy(source, largestPickle); // a pickle's first instruction
  if (String.fromCharCode(...start.subarray(TAR_MARK)) === "ustar") {
    throw new WeightsError(
      `Cannot read ${source.name}: it is in the format of torch before 0.2. If you trust it, convert it: ` +
        conversionCommand(source.name, { weightsOnly: false }),
    );
  }
  return await readTorchZip(source, largestPickle);
}
