/** Every engine that must be there, in every way it can compute; and a way to run one op on it. */
import {
  type Backend,
  Graph,
  type Node,
  type Parameter,
  type Program,
  type Tensor,
  type TensorData,
} from "../../kernels/mod.ts";
import { createWebGpuBackend } from "../../kernels/webgpu/mod.ts";
import { createWasmBackend } from "../../kernels/wasm/mod.ts";
import { HARDWARE, SOFTWARE, SWIFTSHADER } from "../../kernels/webgpu/shader/tiles.ts";
import type { Dense } from "../support/golden.ts";
import { DEVICES } from "../support/engines.ts";

/** An engine under test. */
export interface Engine {
  readonly name: string;
  open(): Promise<Backend>;
  /** Relative error allowed for one op. */
  readonly tolerance: number;
}

/** Small enough that every test picture of some size is worked on in bands. */
const IN_BANDS = { ...SOFTWARE, windowBytes: 6 << 10, scratchBytes: 64 << 10, dispatchFlops: 1e4 };

const ALL: readonly Engine[] = [
  { name: "webgpu", open: () => createWebGpuBackend(), tolerance: 1e-5 },
  { name: "webgpu, implicit GEMM", open: () => createWebGpuBackend({ algorithm: "implicitGemm" }), tolerance: 1e-6 },
  { name: "webgpu, winograd", open: () => createWebGpuBackend({ algorithm: "winograd" }), tolerance: 1e-5 },
  { name: "webgpu, tuned for hardware", open: () => createWebGpuBackend({ tuning: HARDWARE }), tolerance: 1e-5 },
  { name: "webgpu, tuned for SwiftShader", open: () => createWebGpuBackend({ tuning: SWIFTSHADER }), tolerance: 1e-5 },
  { name: "webgpu, in bands", open: () => createWebGpuBackend({ tuning: IN_BANDS }), tolerance: 1e-5 },
  {
    name: "webgpu, implicit GEMM in bands",
    open: () => createWebGpuBackend({ tuning: IN_BANDS, algorithm: "implicitGemm" }),
    tolerance: 1e-6,
  },
  { name: "wasm on 1 thread, 128 bits", open: () => createWasmBackend({ threads: 1, wide: false }), tolerance: 1e-5 },
  {
    name: "wasm, winograd",
    open: () => createWasmBackend({ threads: 2, algorithm: "winograd" }),
    tolerance: 1e-5,
  },
  { name: "wasm on 3 threads, 256 bits", open: () => createWasmBackend({ threads: 3, wide: true }), tolerance: 1e-5 },
];

/** The engines under test; each op is run on each. */
export const ENGINES: readonly Engine[] = ALL.filter(({ name }) => DEVICES.some((device) => name.startsWith(device)));

/** Registers a test for every engine, or those of some names. */
export function testOnEveryEngine(
  name: string,
  run: (backend: Backend, engine: Engine) => Promise<void>,
  names: readonly string[] = ENGINES.map(({ name }) => name),
): void {
  for (const engine of ENGINES.filter(({ name }) => names.includes(name))) {
    Deno.test(`${name} (${engine.name})`, async () => {
      const backend = await engine.open();
      try {
        await run(backend, engine);
      } finally {
        backend.dispose();
      }
    });
  }
}

/** A layer's weights with their values. */
export interface Layer {
  readonly parameter: Parameter;
  readonly weight: Dense;
  readonly bias?: Dense;
}

/** Records ops over inputs with `build`, runs them, and returns the values of the output. */
export async function runOp(
  backend: Backend,
  inputs: readonly Tensor[],
  layers: readonly Layer[],
  build: (graph: Graph, inputs: Node[]) => Node,
): Promise<{ data: TensorData; shape: readonly number[] }> {
  for (const { parameter, weight, bias } of layers) {
    await backend.setParameter(parameter, weight.data, bias?.data ?? new Float32Array());
  }
  const graph = new Graph();
  const nodes = inputs.map(({ shape, dtype }) => graph.input(shape, dtype === "int32" ? "int32" : "float32"));
  graph.output(build(graph, nodes));
  const program: Program = await backend.compile(graph);
  const [result] = await program.run(inputs);
  const { shape } = result;
  const data = await result.data();
  result.dispose();
  program.dispose();
  return { data, shape };
}
