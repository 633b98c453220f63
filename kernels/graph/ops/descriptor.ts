/**
 * What is known of an op, whatever engine computes it.
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
  /** Its layer, such as `decoder.up_blocks.1.resnets.0.conv1`; ops without weights are named after what they work on. */
  readonly name: string;
  /** NCHW, whatever layout the engine uses inside. */
  readonly shape: Shape;
  /** Element type; float values are `"float32"` here, whatever the engine computes in. */
  readonly dtype: DType;
}

/** What an op is recorded from: all of it but what a descriptor and the graph add. */
export type Fields<T extends Node> = Omit<T, keyof Node>;

/** Rows `[first, end)` of one image. */
export type RowRange = readonly [first: number, end: number];

/** What it takes to compute some rows of a result. */
export interface BandRule {
  /** Rows of each operand, halo included. */
  readonly operands: readonly RowRange[];
  /** The rows that an op over these operands makes: those that are wanted, and a few more. */
  readonly computed: RowRange;
}

/** Everything about one kind of op but how an engine computes it. */
export interface OpDescriptor<T extends Node> {
  /**
   * Shape, element type and name of the result.
   *
   * @throws {RangeError} where the operands do not fit
   */
  result(fields: Fields<T>): Pick<T, "shape" | "dtype" | "name">;
  /** The values that it reads. */
  operands(op: T): Node[];
  /** The same op over other operands, in the order of `operands`. Ops that exist only in bands are not copied. */
  withOperands?(op: T, operands: readonly Node[]): Fields<T>;
  /** The layer whose weights it reads. */
  parameter?(op: T): Parameter;
  /** How many of the layer's weights and biases it reads. Default: all. */
  weightsRead?(op: T): number;
  /** Multiply-accumulates of the textbook algorithm. Default: 0. */
  macs?(op: T): number;
  /** Operands that it reads only where it writes its result: the result may overwrite one that is not read afterwards. */
  overwritable?(op: T): Node[];
  /** The operand in whose memory the result is. Default: the result has memory of its own. */
  sharedOperand?(op: T): Node | undefined;
  /** How rows of the result map to rows of the operands. Without it an op is computed as a whole. */
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
