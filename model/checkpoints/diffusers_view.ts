/**
 * A checkpoint's tensors by the names, and in the shapes, that Diffusers would give them.
 *
 * @module
 */

import type { TensorInfo, TensorSource } from "../../hub/mod.ts";
import type { Origin } from "./family.ts";
import type { Reading } from "./recognize.ts";

/** The tensors of a checkpoint that was read. Those beside the model keep their names. */
export function asDiffusers(source: TensorSource, { tensors }: Reading): TensorSource {
  const infoOf = ({ key, shape }: Origin): TensorInfo => {
    return { dtype: key === undefined ? "F32" : source.tensors.get(key)!.dtype, shape };
  };
  const keysOf = (name: string) => tensors.get(name)?.key ?? [];
  return {
    tensors: new Map([...tensors].map(([name, origin]) => [name, infoOf(origin)])),
    unopened: source.unopened,
    async read(name) {
      const { key, make } = tensors.get(name) ?? { key: name };
      const values = key === undefined ? new Float32Array() : await source.read(key);
      return make ? make(values) : values;
    },
    stored(name) {
      const { key, make } = tensors.get(name) ?? { key: name };
      return key === undefined || make ? undefined : source.stored?.(key);
    },
    expect: (names) => source.expect?.([...names].flatMap(keysOf)),
    close: () => source.close(),
  };
}
