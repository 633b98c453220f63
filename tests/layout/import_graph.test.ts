import { assertEquals } from "@std/assert";
import { entriesOf, findCircle, findInsides, findUpward, type ImportGraph } from "./import_graph.ts";

function graphOf(imports: Record<string, string[]>): ImportGraph {
  return new Map(Object.entries(imports));
}

Deno.test("a circle of imports is found wherever it begins", () => {
  assertEquals(findCircle(graphOf({ a: ["b", "c"], b: ["c"], c: [] })), undefined);
  assertEquals(findCircle(graphOf({ a: ["b"], b: ["c", "d"], c: [], d: ["b"] })), ["b", "d", "b"]);
  assertEquals(findCircle(graphOf({ a: [], b: ["b"] })), ["b", "b"]);
});

Deno.test("folders import each other in a circle though none of their files does", () => {
  const graph = graphOf({ "x/a/1.ts": ["x/b/1.ts"], "x/b/1.ts": [], "x/b/2.ts": ["x/a/2.ts"], "x/a/2.ts": ["y/1.ts"] });
  assertEquals(findCircle(graph), undefined);
  assertEquals(findCircle(entriesOf(graph, "x")), ["a", "b", "a"]);
  assertEquals(findCircle(entriesOf(graph, "x/a")), undefined);
});

Deno.test("imports that lead to the same floor or a higher one are found", () => {
  const floors = [["low"], ["left", "right"], ["mod.ts"]];
  const right = graphOf({ "x/left/1.ts": ["x/low/1.ts", "y/mod.ts"], "x/mod.ts": ["x/left/1.ts", "x/low/1.ts"] });
  assertEquals(findUpward(right, "x", floors), []);
  const wrong = graphOf({ "x/left/1.ts": ["x/right/1.ts", "x/left/2.ts"], "x/low/1.ts": ["x/mod.ts"] });
  assertEquals(findUpward(wrong, "x", floors), ["x/left/1.ts imports x/right/1.ts", "x/low/1.ts imports x/mod.ts"]);
});

Deno.test("imports that pass a folder's face by are found", () => {
  const graph = graphOf({ "x/mod.ts": ["x/1.ts"], "x/1.ts": [], "y/1.ts": ["x/mod.ts", "x/1.ts"] });
  assertEquals(findInsides(graph, "x", ["mod.ts"]), ["y/1.ts imports x/1.ts"]);
  assertEquals(findInsides(graph, "x", ["mod.ts", "1.ts"]), []);
});
