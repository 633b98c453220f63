/** What every engine refuses, and with which errors. */
import { assertRejects, assertThrows } from "@std/assert";
import { type Backend, createBackend, DeviceError, Graph, type Parameter, Tensor } from "../../kernels/mod.ts";
import { testOnEveryEngine } from "./engines.ts";

const CONV = { kind: "conv", name: "conv", in: 3, out: 5, kernel: 3, stride: 1 } as const;
const LINEAR = { kind: "linear", name: "linear", in: 3, out: 5 } as const;
const NORM = { kind: "norm", name: "norm", channels: 5 } as const;
const CODES = { kind: "codebook", name: "codes", codes: 7, channels: 5 } as const;

const picture = (...shape: number[]) => new Tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape);

function convolution(): Graph {
  const graph = new Graph();
  graph.output(graph.conv2d(graph.input([1, 3, 4, 4]), CONV));
  return graph;
}

function setConv(backend: Backend): Promise<void> {
  return backend.setParameter(CONV, new Float32Array(135), new Float32Array(5));
}

Deno.test("sides that are not whole numbers from 1 on are refused", () => {
  const graph = new Graph();
  const refuses = (record: () => void, message: string) => assertThrows(record, RangeError, `Cannot record ${message}`);
  for (const side of [0, -1, 1.5, NaN]) {
    refuses(() => graph.input([1, 3, 4, side]), `input: its shape [1,3,4,${side}] must be whole numbers ≥ 1`);
  }
  const row = graph.input([1, 3, 1, 8]);
  refuses(() => graph.conv2d(row, { ...CONV, stride: 2 }), "conv: its shape [1,5,0,4] must be whole numbers ≥ 1");
});

Deno.test("operands of another rank or type, and groups that are none, are refused", () => {
  const graph = new Graph();
  const refuses = (record: () => void, message: string) => assertThrows(record, RangeError, `Cannot record ${message}`);
  const [row, indices] = [graph.input([3, 4, 4]), graph.input([1, 4, 4], "int32")];
  refuses(() => graph.conv2d(row, CONV), "conv: takes float32 [n, c, h, w], got float32 [3,4,4]");
  refuses(() => graph.conv2d(indices, CONV), "conv: takes float32 [n, c, h, w], got int32 [1,4,4]");
  refuses(() => graph.attention(row, row, row), "attention: takes float32 [n, c, h, w]");
  refuses(() => graph.nearestCode(indices, CODES), "codes: takes float32 [n, c, h, w], got int32");
  refuses(() => graph.straightThrough(row, row), "straightThrough: takes float32 [n, c, h, w], got float32 [3,4,4]");
  refuses(() => graph.squaredError(row, row, 1), "squaredError: takes float32 [n, c, h, w], got float32 [3,4,4]");
  refuses(() => graph.input([1, 3, 4, 4], "int32"), "input: int32 is [n, h, w], got [1,3,4,4]");
  const top = graph.rows(graph.input([1, 3, 4, 4]), 0, [0, 2]);
  refuses(() => graph.output(top), "output: rows are a part of another value");
  for (const groups of [0, -5, 0.5, NaN]) {
    const x = graph.input([1, 5, 4, 4]);
    refuses(() => graph.groupNorm(x, NORM, { groups, epsilon: 1e-6 }), `norm: 5 channels do not form ${groups} equal`);
  }
});

Deno.test("an unknown option of an engine or an op is refused by name, and the known ones are listed", async () => {
  const graph = new Graph();
  const x = graph.input([1, 5, 4, 4]);
  const conv = { ...CONV, in: 5 } as const;
  const record = (record: () => void, message: string) => assertThrows(record, TypeError, message);
  record(() => graph.conv2d(x, conv, { up_sample: true } as object), 'Cannot record conv: unknown option "up_sample"');
  const misspelled = { groups: 1, epsilon: 1e-6, activaton: "silu" } as const;
  record(
    () => graph.groupNorm(x, NORM, misspelled),
    'unknown option "activaton"; expected one of groups, epsilon, activation',
  );
  const open = (options: object, message: string) =>
    assertRejects(() => createBackend("wasm", options), TypeError, message);
  await open({ thread: 1 }, 'Cannot open engine: unknown option "thread"; expected one of threads, signal');
  await open({ tuning_store: undefined, on_fallback: () => {} }, 'unknown option "on_fallback"');
});

testOnEveryEngine("unknown options of planning, running and tuning are refused", async (backend) => {
  await setConv(backend);
  const graph = convolution();
  const refuses = (call: () => Promise<unknown>, message: string) => assertRejects(call, TypeError, message);
  await refuses(() => backend.compile(graph, { memory_limit: 1e9 } as object), "expected one of memoryLimit");
  assertThrows(() => backend.measure(graph, { limit: 1e9 } as object), TypeError, "expected one of memoryLimit");
  await refuses(() => backend.tune(graph, { on_progress: () => {} } as object), "expected one of signal, onProgress");
  const program = await backend.compile(graph);
  await refuses(
    () => program.run([picture(1, 3, 4, 4)], { singal: undefined, sinal: 1 } as object),
    'unknown option "sinal"',
  );
  await refuses(() => program.profile([picture(1, 3, 4, 4)], { rounds: 3 } as object), 'unknown option "rounds"');
});

testOnEveryEngine("weights of a wrong length are refused, and those set before stay", async (backend) => {
  const refuses = (parameter: Parameter, [weights, biases]: number[], message: string) =>
    assertRejects(
      () => backend.setParameter(parameter, new Float32Array(weights), new Float32Array(biases)),
      RangeError,
      message,
    );
  await setConv(backend);
  await refuses(CONV, [134, 5], "Cannot set conv: expected 135 weights and 5 biases, found 134 and 5");
  await refuses(CONV, [135, 0], "found 135 and 0");
  await refuses(LINEAR, [135, 5], "Cannot set linear: expected 15 weights and 5 biases");
  await refuses(NORM, [5, 6], "Cannot set norm: expected 5 weights and 5 biases");
  await refuses(CODES, [35, 5], "Cannot set codes: expected 35 weights and 0 biases");
  const program = await backend.compile(convolution());
  for (const result of await program.run([picture(1, 3, 4, 4)])) result.dispose();
});

testOnEveryEngine("a graph whose weights were not set is refused", async (backend) => {
  await assertRejects(() => backend.compile(convolution()), TypeError, "the weights of conv were not set");
});

testOnEveryEngine("a graph whose layers are not those whose weights were set is refused", async (backend) => {
  await setConv(backend);
  const refuses = async (change: Partial<typeof CONV>, message: string) => {
    const layer = { ...CONV, ...change };
    const graph = new Graph();
    graph.output(graph.conv2d(graph.input([1, layer.in, 4, 4]), layer));
    await assertRejects(() => backend.compile(graph), TypeError, message);
  };
  const set = `the weights of conv were set for a 3×3 convolution of ${CONV.in} to ${CONV.out} channels at stride 1`;
  await refuses({ in: 64 as never }, `${set}, but the graph has a 3×3 convolution of 64 to ${CONV.out} channels`);
  await refuses({ stride: 2 as never }, "at stride 2");
  await refuses({ kernel: 1 as never }, "a 1×1 convolution");
});

testOnEveryEngine("inputs other than the graph's are refused", async (backend) => {
  await setConv(backend);
  const program = await backend.compile(convolution());
  const refuses = (inputs: Tensor[], message: string) =>
    assertRejects(() => program.run(inputs), TypeError, `Cannot ${message}`);
  const disposed = picture(1, 3, 4, 4);
  disposed.dispose();
  await refuses([], "run a program: it takes 1 inputs, got 0");
  await refuses([picture(1, 3, 4, 4), picture(1, 3, 4, 4)], "run a program: it takes 1 inputs, got 2");
  await refuses([picture(1, 3, 4, 5)], "run a program: input 0 is float32 [1,3,4,5], expected float32 [1,3,4,4]");
  await refuses([new Tensor(new Int32Array(48), [1, 3, 4, 4])], "run a program: input 0 is int32 [1,3,4,4]");
  await refuses([disposed], "use a tensor of shape [1,3,4,4]: it was disposed");
});

testOnEveryEngine("a program or an engine that was disposed says so", async (backend) => {
  await setConv(backend);
  const [program, other] = [await backend.compile(convolution()), await backend.compile(convolution())];
  program.dispose();
  program.dispose();
  await assertRejects(() => program.run([picture(1, 3, 4, 4)]), TypeError, "Cannot run a program: it was disposed");
  backend.dispose();
  await assertRejects(() => other.run([picture(1, 3, 4, 4)]), DeviceError, "disposed");
  await assertRejects(() => setConv(backend), DeviceError, "disposed");
  await assertRejects(() => backend.compile(convolution()), DeviceError, "disposed");
});
