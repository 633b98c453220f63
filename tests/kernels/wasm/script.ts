/** A script that uses the CPU engine and forgets to dispose of it; run by runtimes.test.ts in Deno and in Node. */
import { Graph, Tensor } from "../../../kernels/mod.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";

const backend = await createWasmBackend({ threads: 2 });
const weights = { kind: "conv", name: "conv", in: 16, out: 16, kernel: 3, stride: 1 } as const;
await backend.setParameter(weights, new Float32Array(16 * 16 * 9).fill(1), new Float32Array(16).fill(1));
const graph = new Graph();
graph.output(graph.conv2d(graph.input([1, 16, 3, 3]), weights));
const program = await backend.compile(graph);
const [result] = await program.run([new Tensor(new Float32Array(16 * 9).fill(1), [1, 16, 3, 3])]);
const sums = Array.from((await result.data()).slice(0, 9), (value) => Math.round(value));
// deno-lint-ignore no-console -- the test reads it
console.log(`${backend.threads} threads: ${sums.join(" ")}`);
