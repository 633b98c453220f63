/** Computes recorded graphs with the plain reference of each op, in double precision. */
import type { Graph, Node, Op } from "../../../kernels/mod.ts";
import type { Dense as DenseOf } from "../../support/golden.ts";
import * as reference from "../../support/reference_ops.ts";
import type { Checkpoint } from "../models.ts";

type Integers = DenseOf<Int32Array<ArrayBuffer>>;

/** The values of all nodes of a graph for these inputs, by node. */
export function runReference(
  graph: Graph,
  checkpoint: Checkpoint,
  inputs: readonly (reference.Dense | Integers)[],
): (node: Node) => reference.Dense {
  const values: (reference.Dense | Integers)[] = [];
  const value = (node: Node) => values[node.id] as reference.Dense;
  const stored = (name: string): reference.Dense => {
    const { shape, values } = checkpoint.get(name)!;
    return { data: values(), shape };
  };
  for (const op of graph.nodes) values.push(op.kind === "input" ? inputs[op.index] : compute(op, value, stored));
  return value;
}

function compute(
  op: Exclude<Op, { kind: "input" }>,
  value: (node: Node) => reference.Dense,
  stored: (name: string) => reference.Dense,
): reference.Dense | Integers {
  switch (op.kind) {
    case "conv2d": {
      const { name, kind } = op.weights;
      const weight = stored(`${name}.weight`);
      const shape = kind === "linear" ? [...weight.shape, 1, 1] : weight.shape;
      const stride = op.weights.kind === "conv" ? op.weights.stride : 1;
      const residual = op.residual && value(op.residual);
      const { upsample } = op;
      return reference.conv2d(value(op.x), { ...weight, shape }, {
        bias: stored(`${name}.bias`),
        stride,
        upsample,
        residual,
      });
    }
    case "groupNorm": {
      const { groups, activation, modulation, weights } = op;
      const [weight, bias] = [stored(`${weights.name}.weight`), stored(`${weights.name}.bias`)];
      if (!modulation) return reference.groupNorm(value(op.x), { groups, weight, bias, activation });
      const norm = reference.groupNorm(value(op.x), { groups, weight, bias });
      return reference.spatialModulation(norm, { y: value(modulation.scale), b: value(modulation.shift), activation });
    }
    case "attention":
      return reference.attention(value(op.q), { k: value(op.k), v: value(op.v) });
    case "nearestCode":
      return reference.nearestCode(value(op.x), stored(`${op.codebook.name}.weight`));
    case "lookup":
      return reference.lookup(value(op.indices) as unknown as Integers, stored(`${op.codebook.name}.weight`));
    case "straightThrough":
      return value(op.code);
    case "squaredError": {
      const loss = reference.loss(value(op.x), value(op.code)) * op.factor / 1.25;
      return { data: Float64Array.of(loss), shape: [] };
    }
    default:
      throw new Error(`${op.kind} is how engines compute in bands; the reference computes the whole`);
  }
}
