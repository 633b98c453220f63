/**
 * Tensors given at run time.
 *
 * @module
 */

import type { PixelRange } from "../../tensor/storage.ts";
import { check, type Node, type OpDescriptor } from "./descriptor.ts";

/** A tensor given at run time. */
export interface Input extends Node {
  /** Tells it from other ops. */
  readonly kind: "input";
  /** Position among the inputs. */
  readonly index: number;
  /** Shape and element type of the tensor: those of the op. */
  readonly given: Pick<Node, "shape" | "dtype">;
  /** Given as RGBA bytes that stand for floats of this range; `undefined` if as floats or integers. */
  readonly pixels: PixelRange | undefined;
}

/** See {@linkcode Input}. */
export const input: OpDescriptor<Input> = {
  result({ index, given: { shape, dtype }, pixels }) {
    check(dtype === "float32" || shape.length === 3, `input: int32 is [n, h, w], got [${shape}]`);
    const isPicture = shape.length === 4 && (shape[1] === 3 || shape[1] === 1);
    check(!pixels || isPicture, `pixels: expected [n, 3 or 1, h, w], got [${shape}]`);
    return { name: `inputs.${index}`, shape, dtype };
  },
  operands: () => [],
  withOperands: (op) => op,
};
