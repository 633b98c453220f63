/** Writes a recorded graph as an ONNX model, as torch's exporter would: for ONNX Runtime on the same network. */
import type { Attention, Conv2d, Graph, GroupNorm, NearestCode, Node, Op } from "../../kernels/mod.ts";
import { float, message, type Proto, raw, text, varint } from "./protobuf.ts";

/** Weights and biases by the names of the graph's parameters. */
export type Values = (name: string) => { weight: Float32Array; bias: Float32Array };

const FLOAT = 1, INT32 = 6, INT64 = 7;

/** The bytes of an ONNX model. Inputs are called `x0`, `x1`, ..., outputs `y0`, ... */
export function exportOnnx(graph: Graph, values: Values): Uint8Array<ArrayBuffer> {
  return new Exporter(values).export(graph);
}

class Exporter {
  #nodes: Proto[] = [];
  #initializers = new Map<string, Proto>();

  constructor(private readonly values: Values) {}

  export(graph: Graph): Uint8Array<ArrayBuffer> {
    for (const op of graph.nodes) this.#op(op);
    graph.outputs.forEach((node, i) => this.#add("Identity", [nameOf(node)], `y${i}`));
    const inputs = graph.nodes.filter((op) => op.kind === "input").map((op) => valueInfo(nameOf(op), op));
    const outputs = graph.outputs.map((node, i) => valueInfo(`y${i}`, node));
    const body = message([
      ...this.#nodes.map((node): [number, Proto] => [1, node]),
      [2, text("graph")],
      ...[...this.#initializers.values()].map((tensor): [number, Proto] => [5, tensor]),
      ...inputs.map((value): [number, Proto] => [11, value]),
      ...outputs.map((value): [number, Proto] => [12, value]),
    ]);
    const opset = message([[1, text("")], [2, varint(17)]]);
    return message([[1, varint(8)], [7, body], [8, opset]]).bytes();
  }

  #op(op: Op): void {
    switch (op.kind) {
      case "input":
        return;
      case "conv2d":
        return this.#conv(op);
      case "groupNorm":
        return this.#norm(op);
      case "attention":
        return this.#attention(op);
      case "nearestCode":
        return this.#nearestCode(op);
      default:
        throw new Error(`Cannot export ${op.kind}`);
    }
  }

  #conv(op: Conv2d): void {
    const { weights, residual } = op;
    const [kernel, stride] = weights.kind === "conv" ? [weights.kernel, weights.stride] : [1, 1];
    const { weight, bias } = this.values(weights.name);
    let x = nameOf(op.x);
    if (op.upsample) x = this.#resize(x, 2, 2, `${nameOf(op)}_up`);
    const inputs = [
      x,
      this.#constant(`${weights.name}.weight`, weight, [weights.out, weights.in, kernel, kernel]),
      this.#constant(`${weights.name}.bias`, bias, [weights.out]),
    ];
    const before = kernel === 3 && stride === 1 ? 1 : 0, after = kernel === 3 ? 1 : 0;
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [before, before, after, after],
    };
    const name = residual ? `${nameOf(op)}_conv` : nameOf(op);
    this.#add("Conv", inputs, name, attributes);
    if (residual) this.#add("Add", [name, nameOf(residual)], nameOf(op));
  }

  #norm(op: GroupNorm): void {
    const { weights, groups, modulation, activation } = op;
    const name = nameOf(op);
    const { weight, bias } = this.values(weights.name);
    const grouped = this.#reshape(nameOf(op.x), [op.shape[0], groups, -1], `${name}_grouped`);
    const ones = this.#constant(`ones_${groups}`, new Float32Array(groups).fill(1), [groups]);
    const zeros = this.#constant(`zeros_${groups}`, new Float32Array(groups), [groups]);
    this.#add("InstanceNormalization", [grouped, ones, zeros], `${name}_in`, { epsilon: op.epsilon });
    const normalized = this.#reshape(`${name}_in`, op.shape, `${name}_flat`);
    const perChannel = [weights.channels, 1, 1];
    let y = this.#binary(
      "Mul",
      normalized,
      this.#constant(`${weights.name}.weight`, weight, perChannel),
      `${name}_mul`,
    );
    y = this.#binary("Add", y, this.#constant(`${weights.name}.bias`, bias, perChannel), `${name}_add`);
    if (modulation) {
      const [, , h, w] = modulation.scale.shape;
      const [down, across] = [op.shape[2] / h, op.shape[3] / w];
      y = this.#binary("Mul", y, this.#resize(nameOf(modulation.scale), down, across, `${name}_scale`), `${name}_mod`);
      y = this.#binary("Add", y, this.#resize(nameOf(modulation.shift), down, across, `${name}_shift`), `${name}_sum`);
    }
    if (activation && activation !== "silu") throw new Error(`Cannot export ${activation}`);
    if (activation) y = this.#binary("Mul", y, this.#add("Sigmoid", [y], `${name}_sigmoid`), `${name}_silu`);
    this.#add("Identity", [y], name);
  }

  #attention(op: Attention): void {
    const [n, c, h, w] = op.shape;
    const name = nameOf(op);
    const [q, k, v] = [op.q, op.k, op.v].map((node, i) => this.#reshape(nameOf(node), [n, c, h * w], `${name}_${i}`));
    const queries = this.#add("Transpose", [q], `${name}_qt`, { perm: [0, 2, 1] });
    const scale = this.#constant(`scale_${c}`, new Float32Array([c ** -0.5]), [1]);
    const scores = this.#binary("Mul", this.#binary("MatMul", queries, k, `${name}_qk`), scale, `${name}_scaled`);
    const shares = this.#add("Softmax", [scores], `${name}_softmax`, { axis: -1 });
    const values = this.#add("Transpose", [v], `${name}_vt`, { perm: [0, 2, 1] });
    const sums = this.#binary("MatMul", shares, values, `${name}_sum`);
    this.#reshape(this.#add("Transpose", [sums], `${name}_t`, { perm: [0, 2, 1] }), op.shape, name);
  }

  /** The least of |e|² − 2x·e over the codes e, in which |x|² is left out. */
  #nearestCode(op: NearestCode): void {
    const { codes, channels, name: book } = op.codebook;
    const { weight } = this.values(book);
    const name = nameOf(op);
    const vectors = this.#add("Transpose", [nameOf(op.x)], `${name}_nhwc`, { perm: [0, 2, 3, 1] });
    const rows = this.#reshape(vectors, [-1, channels], `${name}_rows`);
    const columns = new Float32Array(weight.length);
    const squares = new Float32Array(codes);
    weight.forEach((value, i) => {
      columns[(i % channels) * codes + Math.floor(i / channels)] = -2 * value;
      squares[Math.floor(i / channels)] += value ** 2;
    });
    const products = this.#binary(
      "MatMul",
      rows,
      this.#constant(`${book}.columns`, columns, [channels, codes]),
      `${name}_x`,
    );
    const distances = this.#binary("Add", products, this.#constant(`${book}.squares`, squares, [codes]), `${name}_d`);
    const indices = this.#add("ArgMin", [distances], `${name}_i`, { axis: 1, keepdims: 0 });
    this.#reshape(this.#add("Cast", [indices], `${name}_i32`, { to: INT32 }), op.shape, name);
  }

  #resize(x: string, down: number, across: number, output: string): string {
    if (down === 1 && across === 1) return x;
    const scales = this.#constant(`scales_${down}_${across}`, new Float32Array([1, 1, down, across]), [4]);
    const attributes = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    return this.#add("Resize", [x, "", scales], output, attributes);
  }

  #reshape(x: string, shape: readonly number[], output: string): string {
    const name = `shape_${shape.join("_")}`;
    const dims = new BigInt64Array(shape.map(BigInt));
    this.#initializers.set(name, tensor(name, INT64, [shape.length], dims));
    return this.#add("Reshape", [x, name], output);
  }

  #binary(op: string, a: string, b: string, output: string): string {
    return this.#add(op, [a, b], output);
  }

  #constant(name: string, data: Float32Array, shape: readonly number[]): string {
    this.#initializers.set(name, tensor(name, FLOAT, shape, data));
    return name;
  }

  #add(
    op: string,
    inputs: string[],
    output: string,
    attributes: Record<string, number | string | number[]> = {},
  ): string {
    this.#nodes.push(message([
      ...inputs.map((name): [number, Proto] => [1, text(name)]),
      [2, text(output)],
      [4, text(op)],
      ...Object.entries(attributes).map(([name, value]): [number, Proto] => [5, attribute(name, value)]),
    ]));
    return output;
  }
}

function nameOf(node: Node): string {
  return node.kind === "input" ? node.name.replace("inputs.", "x") : `v${node.id}`;
}

function attribute(name: string, value: number | string | number[]): Proto {
  const head: [number, Proto] = [1, text(name)];
  if (typeof value === "string") return message([head, [4, text(value)], [20, varint(3)]]);
  if (Array.isArray(value)) {
    return message([head, ...value.map((i): [number, Proto] => [8, varint(i)]), [20, varint(7)]]);
  }
  if (Number.isInteger(value)) return message([head, [3, varint(value)], [20, varint(2)]]);
  return message([head, [2, float(value)], [20, varint(1)]]);
}

function tensor(name: string, type: number, shape: readonly number[], data: Float32Array | BigInt64Array): Proto {
  const dims = shape.map((side): [number, Proto] => [1, varint(side)]);
  return message([...dims, [2, varint(type)], [8, text(name)], [9, raw(data)]]);
}

function valueInfo(name: string, { shape, dtype }: Node): Proto {
  const dims = message(shape.map((side) => [1, message([[1, varint(side)]])]));
  return message([[1, text(name)], [
    2,
    message([[1, message([[1, varint(dtype === "int32" ? INT32 : FLOAT)], [2, dims]])]]),
  ]]);
}
