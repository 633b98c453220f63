/** Memory comes back: of tensors that are not disposed of, and of large calls. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Backend, Graph, NO_MEMORY, type Program, readPixels, type Tensor } from "../../kernels/mod.ts";
import { createWasmBackend } from "../../kernels/wasm/mod.ts";
import type { WasmStorage } from "../../kernels/wasm/program/storage.ts";
import { collectGarbage } from "../support/garbage.ts";
import { testOnEveryEngine } from "./engines.ts";
import { randomTensor, tensorOf } from "./tensors.ts";
import { testOn } from "../support/engines.ts";

const ENGINES = ["webgpu", "wasm on 1 thread, 128 bits", "wasm on 3 threads, 256 bits"];
const CONV = { kind: "conv", name: "conv", in: 3, out: 8, kernel: 3, stride: 1 } as const;
const UP = { kind: "conv", name: "up", in: 8, out: 8, kernel: 3, stride: 1 } as const;
const BACK = { kind: "conv", name: "back", in: 8, out: 3, kernel: 3, stride: 1 } as const;

/** Side of a picture that takes long enough: some 10 MiB on WebGPU, more than 100 on the CPU engine. */
const LARGE = { webgpu: 64, wasm: 256 };

/** How many calls an engine looks back upon. */
const CALLS = 4;
const MIB = 2 ** 20;

async function setParameters(backend: Backend): Promise<void> {
  for (const layer of [CONV, UP, BACK]) {
    const weight = randomTensor([layer.out, layer.in, 3, 3], layer.in, 0.2).data as Float32Array;
    await backend.setParameter(layer, weight, new Float32Array(layer.out));
  }
}

/** From a picture `[1, 3, side, side]` to one of the same size, by way of a map of `8 · (scale · side)²`. */
async function compile(backend: Backend, side: number, scale = 1): Promise<Program> {
  const graph = new Graph();
  const x = graph.conv2d(graph.input([1, 3, side, side]), CONV);
  graph.output(graph.conv2d(x, BACK));
  if (scale > 1) {
    let large = x;
    for (let by = 1; by < scale; by *= 2) large = graph.conv2d(large, UP, { upsample: true });
    graph.output(graph.squaredError(large, large, 1));
  }
  return await backend.compile(graph);
}

const picture = (side: number, seed = 1) => tensorOf(randomTensor([1, 3, side, side], seed));

/** A run whose results are disposed of. */
async function run(program: Program, input: Tensor, signal?: AbortSignal): Promise<void> {
  for (const result of await program.run([input], { signal })) result.dispose();
}

/** Runs whose results are not disposed of. */
async function runCarelessly(program: Program, input: Tensor, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await program.run([input]);
}

/** The first result's values. */
async function values(program: Program, input: Tensor): Promise<ArrayLike<number>> {
  const [result, ...others] = await program.run([input]);
  for (const other of others) other.dispose();
  using first = result;
  return await first.data();
}

testOnEveryEngine("tensors that are not disposed of give their memory back", async (backend) => {
  await setParameters(backend);
  const program = await compile(backend, 64);
  await run(program, picture(64));
  const { used } = backend.memory;
  await runCarelessly(program, picture(64), 8);
  assert(backend.memory.used >= used + 4 * 3 * 64 * 64, "the last ones at least are there");
  await collectGarbage();
  assertEquals(backend.memory.used, used);
}, ENGINES);

testOnEveryEngine("what was disposed of is not released once more when it is collected", async (backend) => {
  await setParameters(backend);
  const program = await compile(backend, 64);
  const expected = [await values(program, picture(64, 1)), await values(program, picture(64, 2))];
  const { used } = backend.memory;
  for (let i = 0; i < 4; i++) await run(program, picture(64, 3));
  using first = (await program.run([picture(64, 1)]))[0]; // in a place that another tensor had
  await collectGarbage();
  using second = (await program.run([picture(64, 2)]))[0];
  assertEquals([await first.data(), await second.data()], expected);
  first.dispose();
  second.dispose();
  assertEquals(backend.memory.used, used);
}, ENGINES);

testOnEveryEngine(
  "a tensor that is computed from or read stays until that is done, even without a reference to it",
  async (backend) => {
    await setParameters(backend);
    const program = await compile(backend, 64);
    const [x] = await program.run([picture(64)]);
    const expected = await values(program, x);
    const [floats, pixels] = [await x.data(), await readPixels(x, "signed")];
    const { used } = backend.memory;
    const make = async () => (await program.run([picture(64)]))[0];

    const busy = Array.from({ length: 4 }, (_, i) => values(program, picture(64, i)));
    const computing = make().then((tensor) => values(program, tensor));
    const reading = make().then((tensor) => tensor.data());
    const showing = make().then((tensor) => readPixels(tensor, "signed"));
    const overwriting = Array.from({ length: 4 }, (_, i) => values(program, picture(64, i)));
    let done = false;
    const all = Promise.all([computing, reading, showing, ...busy, ...overwriting]).finally(() => done = true);
    while (!done) await collectGarbage();
    assertEquals((await all).slice(0, 3), [expected, floats, pixels]);
    await collectGarbage();
    assertEquals(backend.memory.used, used);
  },
  ENGINES,
);

testOnEveryEngine("tensors may be collected after their engine was disposed of", async (backend) => {
  await setParameters(backend);
  const program = await compile(backend, 16);
  await runCarelessly(program, picture(16), 3);
  backend.dispose();
  await collectGarbage();
  assertEquals(backend.memory, NO_MEMORY);
}, ENGINES);

testOnEveryEngine(
  "timers, and what is done with collected tensors, have their turn while calls follow each other",
  async (backend) => {
    await setParameters(backend);
    const program = await compile(backend, 16);
    const input = picture(16);
    let turned = false;
    setTimeout(() => turned = true, 0);
    const started = performance.now();
    while (!turned && performance.now() - started < 5000) await run(program, input);
    assert(turned);
  },
  ENGINES,
);

testOnEveryEngine("what one of the last four calls needed is kept, and no more", async (backend) => {
  await setParameters(backend);
  const side = LARGE[backend.device];
  const large = await compile(backend, side, 8), small = await compile(backend, 16);
  const input = picture(16);
  await run(small, input);
  const before = backend.memory;
  assertEquals(before.held, before.weights + before.buffers);
  const expected = await values(small, input);
  for (let round = 0; round < 2; round++) {
    const [kept, scalar] = await large.run([picture(side)]);
    scalar.dispose();
    const copy = await kept.data();
    const { held } = backend.memory;
    assert(held > before.held + 8 * MIB, `${held}`);
    for (let i = 1; i < CALLS; i++) await run(small, input);
    assert(backend.memory.held >= held, "a large call may follow");
    await run(small, input);
    assert(backend.memory.held < before.held + 4 * MIB, `${JSON.stringify(backend.memory)}, ${before.held} before`);
    assertEquals(await kept.data(), copy);
    kept.dispose();
    assertEquals(await values(small, input), expected);
  }
  assertEquals(backend.memory.used, before.used);
}, ENGINES);

testOnEveryEngine("shapes that alternate move nothing", async (backend) => {
  await setParameters(backend);
  const side = LARGE[backend.device];
  const large = await compile(backend, side, 8), small = await compile(backend, 16);
  await run(large, picture(side));
  await run(small, picture(16));
  const { held } = backend.memory;
  for (let i = 0; i < 3; i++) {
    await run(large, picture(side));
    assertEquals(backend.memory.held, held);
    for (let j = 1; j < CALLS; j++) await run(small, picture(16));
    assertEquals(backend.memory.held, held);
  }
}, ENGINES);

testOnEveryEngine("calls that wait or are stopped while memory is given back come out as if alone", async (backend) => {
  await setParameters(backend);
  const side = LARGE[backend.device];
  const large = await compile(backend, side, 8), small = await compile(backend, 16);
  const expected = await values(small, picture(16));
  using result = (await small.run([picture(16)]))[0];
  const { held } = backend.memory;
  await run(large, picture(side));
  const controller = new AbortController();
  const stopped = run(small, picture(16), controller.signal);
  const refusal = assertRejects(() => stopped, Error, "stop");
  const calls = Array.from({ length: 12 }, async () => {
    assertEquals(await values(small, picture(16)), expected);
    assertEquals(await result.data(), expected);
  });
  controller.abort(new Error("stop"));
  await Promise.all(calls);
  await refusal;
  assert(backend.memory.held < held + 4 * MIB);
}, ENGINES);

async function open(threads: number): Promise<Backend> {
  const backend = await createWasmBackend({ threads });
  await setParameters(backend);
  return backend;
}

/** The memory behind the CPU engine. */
async function runtimeOf(program: Program) {
  using result = (await program.run([picture(16)]))[0];
  return (result.storage as WasmStorage).runtime;
}

for (const threads of [1, 3]) {
  testOn("wasm", `the system has the memory of a large call again, which ran on ${threads} threads`, async () => {
    const backend = await open(threads);
    const large = await compile(backend, 256, 8), small = await compile(backend, 16);
    const resident = () => Deno.memoryUsage().rss;
    await run(large, picture(256));
    const before = resident();
    for (let i = 0; i < CALLS; i++) await run(small, picture(16));
    for (let i = 0; i < 100 && resident() > before - 100 * MIB; i++) await collectGarbage();
    assert(resident() < before - 100 * MIB, `${resident()}, ${before} before`);
    backend.dispose();
  });

  testOn("wasm", `an engine on ${threads} threads may be disposed of while it gives memory back`, async () => {
    const backend = await open(threads);
    const large = await compile(backend, 256, 8), small = await compile(backend, 16);
    const { memory } = await runtimeOf(small);
    const create = memory.create.bind(memory);
    memory.create = (bytes) => {
      queueMicrotask(() => backend.dispose());
      return create(bytes);
    };
    await run(large, picture(256));
    for (let i = 0; i < CALLS; i++) await run(small, picture(16));
    assertEquals(backend.memory, NO_MEMORY);
    await assertRejects(() => run(small, picture(16)), Error, "disposed");
  });

  testOn(
    "wasm",
    `where the system refuses a smaller memory, an engine on ${threads} threads keeps its own`,
    async () => {
      const backend = await open(threads);
      const large = await compile(backend, 256, 8), small = await compile(backend, 16);
      const expected = await values(small, picture(16));
      const { memory } = await runtimeOf(small);
      let asked = 0;
      memory.create = () => {
        asked++;
        throw new RangeError("no memory");
      };
      await run(large, picture(256));
      const { held } = backend.memory;
      for (let i = 0; i < 2 * CALLS; i++) assertEquals(await values(small, picture(16)), expected);
      assertEquals([asked, backend.memory.held], [2, held]);
      backend.dispose();
    },
  );
}
