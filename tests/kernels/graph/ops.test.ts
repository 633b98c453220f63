import { assertEquals, assertThrows } from "@std/assert";
import { Graph, operands } from "../../../kernels/mod.ts";
import { OPS, overwritable } from "../../../kernels/graph/ops/mod.ts";
import { atOnce } from "../../../kernels/host/steps.ts";
import { inBands } from "../../../kernels/tiling/tiled_graph.ts";
import { network } from "../every_op.ts";

const WHOLE = network();
const BANDS = atOnce(inBands(WHOLE, { mapSize: 0, bandSize: 3000 }))!;

Deno.test("the network that the engines are tested with has every op, whole or in bands", () => {
  const kinds = new Set([...WHOLE.nodes, ...BANDS.nodes].map(({ kind }) => kind));
  assertEquals([...kinds].sort(), Object.keys(OPS).sort());
});

Deno.test("an op copied to a graph over the same operands is the same op", () => {
  const copy = new Graph();
  for (const op of WHOLE.nodes) copy.copy(op, operands(op).map(({ id }) => copy.nodes[id]));
  assertEquals(copy.nodes, WHOLE.nodes);
});

Deno.test("ops that exist only in bands are not copied", () => {
  const rows = BANDS.nodes.find(({ kind }) => kind === "rows")!;
  assertThrows(() => new Graph().copy(rows, operands(rows)), TypeError, "rows");
});

Deno.test("a result overwrites only what its op reads, of its own shape", () => {
  for (const op of [...WHOLE.nodes, ...BANDS.nodes]) {
    for (const operand of overwritable(op)) {
      assertEquals(operand.shape, op.shape, op.kind);
      assertEquals(operands(op).includes(operand), true, op.kind);
    }
  }
});

Deno.test("an op is named after its layer, or after what it works on", () => {
  const g = new Graph();
  const x = g.input([1, 4, 2, 2]);
  const linear = (name: string) => g.conv2d(x, { kind: "linear", name, in: 4, out: 4 });
  const [q, k, v] = ["mid.attention.to_q", "mid.attention.to_k", "mid.attention.to_v"].map(linear);
  const attended = g.attention(q, k, v);
  g.rows(attended, 0, [0, 1]);
  assertEquals(g.nodes.map(({ name }) => name), [
    "inputs.0",
    "mid.attention.to_q",
    "mid.attention.to_k",
    "mid.attention.to_v",
    "mid.attention",
    "mid.attention",
  ]);
});
