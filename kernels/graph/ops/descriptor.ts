/**
 * What an op is, whatever engine computes it.
 *
 * @module
 */

import type { DType, Shape } from "../../tensor/storage.ts";
import type { Parameter } from "../parameters.ts";

/** A recorded op; also its result, to pass on to further ops. */
export interface Node {
  /** Tells kinds of ops apart. */
  readonly kind: string;
  /** Position in `Graph.nodes`; operands come before results. */
  readonly id: number;
  /** Its layer, such as `decoder.up_blocks.1.resnets.0.conv1`; ops without weights are named after their operands. */
  readonly name: string;
  /** NCHW, whatever layout the engine uses inside. */
  readonly shape: Shape;
  /** Element type; float values are `"float32"` here, whatever the engine computes in. */
  readonly dtype: DType;
}

/** What an op is recorded from: its own properties, without those of every node. */
export type Fields<T extends Node> = Omit<T, keyof Node>;

/** Rows `[first, end)` of one image. */
export type RowRange = readonly [first: number, end: number];

/** The rows of operands that some rows of a result are computed from. */
export interface BandRule {
  /** Rows of each operand that is a feature map, halo included; those come first. */
  readonly operands: readonly RowRange[];
  /** The rows of the result that an op over these operands computes: the wanted ones, and possibly more. */
  readonly computed: RowRange;
}

/** Everything about one kind of op except how an engine computes it. */
export interface OpDescriptor<T extends Node> {
  /**
   * Shape, element type and name of the result.
   *
   * @throws {RangeError} if the operands do not fit
   */
  result(fields: Fields<T>): Pick<T, "shape" | "dtype" | "name">;
  /** The values that it reads, in order. */
  operands(op: T): Node[];
  /** The same op over other operands, given in the same order. Missing for ops that exist only in bands. */
  withOperands?(op: T, operands: readonly Node[]): Fields<T>;
  /** The layer whose weights it reads. */
  parameter?(op: T): Parameter;
  /** Number of the layer's weights and biases that it reads. Default: all. */
  weightsRead?(op: T): number;
  /** Multiply-accumulates of the textbook algorithm. Default: 0. */
  macs?(op: T): number;
  /**
   * Operands that it reads element by element where it writes: its result may overwrite one that nothing else reads.
   */
  overwritable?(op: T): Node[];
  /** The operand whose memory the result shares. Default: the result has memory of its own. */
  sharedOperand?(op: T): Node | undefined;
  /** Maps rows of the result to rows of the operands. Without it an op is always computed as a whole. */
  band?(op: T, rows: RowRange): BandRule;
}

/**
 * Refuses an op that does not fit its operands.
 *
 * @throws {RangeError}
 */
export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new RangeError(`Cannot record ${message}`);
}

/**
 * Refuses an operand that is not `[n, c, h, w]`.
 *
 * @throws {RangeError}
 */
export function checkFeatureMap({ shape, dtype }: Node, name: string): void {
  check(shape.length === 4 && dtype === "float32", `${name}: takes float32 [n, c, h, w], got ${dtype} [${shape}]`);
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((side, i) => side === b[i]);
}

/** The block of the layer that made a value: its name without the last part. */
export function parentName({ name }: Node): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

/** Pixels of a feature map, over all images. */
export function pixelsOf([n, , h, w]: Shape): number {
  return n * h * w;
}
