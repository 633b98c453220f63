/**
 * The op vocabulary: every kind of op, and what its descriptor says of an op.
 *
 * @module
 */

import { type Parameter, sizesOf } from "../parameters.ts";
import { type Attention, attention } from "./attention.ts";
import { type Conv2d, conv2d } from "./conv2d.ts";
import { type BandRule, check, type Fields, type Node, type OpDescriptor, type RowRange } from "./descriptor.ts";
import { type GroupNorm, groupNorm } from "./group_norm.ts";
import { type Input, input } from "./input.ts";
import {
  type Normalize,
  normalize,
  type NormCoefficients,
  normCoefficients,
  type NormSums,
  normSums,
} from "./norm_bands.ts";
import {
  type CodeMargin,
  codeMargin,
  type Lookup,
  lookup,
  type NearestCode,
  nearestCode,
  type SquaredError,
  squaredError,
  type StraightThrough,
  straightThrough,
} from "./quantizer.ts";
import { type Place, place, type Rows, rows } from "./rows.ts";

export type { BandRule, Fields, Node, RowRange } from "./descriptor.ts";
export type { Activation, Modulation } from "./group_norm.ts";
export type { Band, RowPlace } from "./norm_bands.ts";
export type { CodeMetric } from "./quantizer.ts";
export type {
  Attention,
  CodeMargin,
  Conv2d,
  GroupNorm,
  Input,
  Lookup,
  NearestCode,
  Normalize,
  NormCoefficients,
  NormSums,
  Place,
  Rows,
  SquaredError,
  StraightThrough,
};

/** Every kind of op. */
export type Op =
  | Input
  | Conv2d
  | GroupNorm
  | Attention
  | NearestCode
  | Lookup
  | CodeMargin
  | StraightThrough
  | SquaredError
  | Rows
  | Place
  | NormSums
  | NormCoefficients
  | Normalize;

/** Names of the kinds of ops. */
export type OpKind = Op["kind"];

/** The type of each kind of op. */
export type OpByKind = { [T in Op as T["kind"]]: T };

/** An op of one of these kinds, in a form in which `TABLE[op.kind](op)` type-checks for a table by kind. */
export type OpOf<K extends OpKind> = { [P in K]: { readonly kind: P } & OpByKind[P] }[K];

/** The descriptor of each kind. */
export const OPS: { readonly [K in OpKind]: OpDescriptor<OpByKind[K]> } = {
  input,
  conv2d,
  groupNorm,
  attention,
  nearestCode,
  lookup,
  codeMargin,
  straightThrough,
  squaredError,
  rows,
  place,
  normSums,
  normCoefficients,
  normalize,
};

/**
 * Op number `id` of a graph.
 *
 * @throws {RangeError} if its operands do not fit
 */
export function createOp<K extends OpKind>(kind: K, id: number, fields: Fields<OpByKind[K]>): OpByKind[K] {
  const op = { ...fields, ...OPS[kind].result(fields), kind, id } as OpByKind[K];
  const isWhole = op.shape.every((side) => Number.isSafeInteger(side) && side > 0);
  check(isWhole, `${OPS[kind].parameter?.(op).name ?? kind}: its shape [${op.shape}] must be whole numbers ≥ 1`);
  return op;
}

/** The nodes that an op reads. */
export function operands<K extends OpKind>(op: OpOf<K>): Node[] {
  return OPS[op.kind].operands(op);
}

/**
 * The same op over other operands, to be recorded.
 *
 * @throws {TypeError} if the op exists only in bands
 */
export function withOperands<K extends OpKind>(op: OpOf<K>, nodes: readonly Node[]): Fields<OpByKind[K]> {
  const fields = OPS[op.kind].withOperands?.(op, nodes);
  if (!fields) throw new TypeError(`Cannot compute ${op.kind} in bands: it is a part of that already`);
  return fields;
}

/** The layer whose weights an op reads, if any. */
export function parameterOf<K extends OpKind>(op: OpOf<K>): Parameter | undefined {
  return OPS[op.kind].parameter?.(op);
}

/** Number of weights and biases that an op reads. */
export function weightsRead<K extends OpKind>(op: OpOf<K>): number {
  const { weightsRead, parameter } = OPS[op.kind];
  if (weightsRead) return weightsRead(op);
  return parameter ? sizesOf(parameter(op)).reduce((a, b) => a + b) : 0;
}

/** Multiply-accumulates of an op: convolutions, attention products and code distances; 0 for all else. */
export function macs<K extends OpKind>(op: OpOf<K>): number {
  return OPS[op.kind].macs?.(op) ?? 0;
}

/** The operands that the result of an op may overwrite if nothing else reads them. */
export function overwritable<K extends OpKind>(op: OpOf<K>): Node[] {
  return OPS[op.kind].overwritable?.(op) ?? [];
}

/** The operand whose memory the result of an op shares, if it has none of its own. */
export function sharedOperand<K extends OpKind>(op: OpOf<K>): Node | undefined {
  return OPS[op.kind].sharedOperand?.(op);
}

/** Whether an op can compute rows of its result from rows of its operands. */
export function isBandable<K extends OpKind>(op: OpOf<K>): boolean {
  return OPS[op.kind].band !== undefined;
}

/** The rows of its operands that some rows of a bandable op's result are computed from. */
export function bandRule<K extends OpKind>(op: OpOf<K>, rows: RowRange): BandRule {
  return OPS[op.kind].band!(op, rows);
}
