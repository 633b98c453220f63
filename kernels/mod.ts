/**
 * The engines: tensors, the op vocabulary, and what runs it. Knows nothing of VQ models or of the Hub.
 *
 * @module
 */

export * from "./backend.ts";
export * from "./create.ts";
export * from "./errors.ts";
export * from "./tensor/pixels.ts";
export * from "./tensor/storage.ts";
export * from "./tensor/tensor.ts";
export type { OpCost, OpProfile } from "./graph/cost.ts";
export { Graph, type GroupNormOptions, parametersOf } from "./graph/graph.ts";
export { macs, operands, parameterOf, sharedOperand } from "./graph/ops/mod.ts";
export type {
  Activation,
  Attention,
  Band,
  CodeMargin,
  CodeMetric,
  Conv2d,
  GroupNorm,
  Input,
  Lookup,
  Modulation,
  NearestCode,
  Node,
  Normalize,
  NormCoefficients,
  NormSums,
  Op,
  OpByKind,
  OpKind,
  OpOf,
  Place,
  RowPlace,
  Rows,
  SquaredError,
  StraightThrough,
} from "./graph/ops/mod.ts";
export type {
  CodebookParameter,
  ConvParameter,
  LinearParameter,
  NormParameter,
  Parameter,
  StoredWeights,
  WeightValues,
} from "./graph/parameters.ts";
export { sizesOf } from "./graph/parameters.ts";
export type { WasmOptions } from "./wasm/mod.ts";
