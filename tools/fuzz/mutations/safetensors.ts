/**
 * Damages headers of safetensors files, and corrects their lengths.
 *
 * @module
 */

import { type Bytes, concat, type Mutate, mutateBytes, viewOf } from "./bytes.ts";
import { mutateJson } from "./json.ts";

/** Changes the header, or sometimes the bytes of the tensors. */
export const mutateSafetensors: Mutate = (bytes, random) => {
  if (bytes.length < 8) return mutateBytes(bytes, random);
  const end = 8 + Math.min(bytes.length, Number(viewOf(bytes).getBigUint64(0, true)));
  const [header, data] = [bytes.slice(8, end), bytes.slice(end)];
  if (random.chance(0.1)) return concat([lengthBytes(header.length), header, mutateBytes(data, random)]);
  const changed = mutateJson(header, random);
  return concat([lengthBytes(changed.length), changed, data]);
};

function lengthBytes(length: number): Bytes {
  return new Uint8Array(BigUint64Array.of(BigInt(length)).buffer);
}
