/** Threads, memory, aborting and disposal of the CPU engine. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type Backend, DeviceError, Graph, NO_MEMORY, type Program, readPixels, Tensor } from "../../../kernels/mod.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import type { WasmStorage } from "../../../kernels/wasm/program/storage.ts";
import { randomTensor, tensorOf } from "../tensors.ts";
import { CONV, CONV_IN, network, picture, setParameters, SHAPE } from "../every_op.ts";
import { testOn } from "../../support/engines.ts";
import { withoutGlobals } from "../../support/missing_globals.ts";

async function open(
  threads: number,
  wide?: boolean,
  onFallback?: (reason: string) => void,
): Promise<{ backend: Backend; program: Program } & Disposable> {
  const backend = await createWasmBackend({ threads, wide, onFallback, algorithm: "winograd" });
  await setParameters(backend);
  const program = await backend.compile(network());
  return { backend, program, [Symbol.dispose]: () => backend.dispose() };
}

/** The results of a run on {@linkcode picture}, as hexadecimal bits. */
async function bits(program: Program, input = picture()): Promise<string> {
  const results = await program.run([input]);
  const data = await Promise.all(results.map((result) => result.data()));
  for (const result of results) result.dispose();
  return data.map(({ buffer }) => new Uint8Array(buffer).toHex()).join();
}

/** Equality without a list of differences, which for long texts takes forever. */
function assertSame(actual: string, expected: string): void {
  assert(actual === expected, "the results differ");
}

testOn("wasm", "results are the same bit for bit on 1, 2 and 5 threads", async () => {
  using one = await open(1);
  const expected = await bits(one.program);
  for (const threads of [2, 5]) {
    using many = await open(threads);
    assertSame(await bits(many.program), expected);
    assertSame(await bits(many.program), expected);
  }
});

testOn("wasm", "results are the same bit for bit with vectors of 128 and of 256 bits", async () => {
  using narrow = await open(1, false), wide = await open(2, true);
  const expected = await bits(narrow.program);
  // Repeated until V8 has optimized the kernels: only then does it merge pairs of vectors.
  for (let i = 0; i < 30; i++) assertSame(await bits(wide.program), expected);
});

// Where there is no `process`, as in a browser, the engine starts the web's workers.
for (const [missing, threads] of [[["process"], 3], [["process", "Worker"], 1], [["SharedArrayBuffer"], 1]] as const) {
  const name = `without ${missing.join(" and ")} the engine computes the same on ${threads} threads`;
  testOn("wasm", threads === 1 ? `${name}, and says why` : name, async () => {
    using one = await open(1);
    const expected = await bits(one.program);
    await withoutGlobals(missing, async () => {
      const reasons: string[] = [];
      using engine = await open(3, undefined, (reason) => reasons.push(reason));
      assertEquals(engine.backend.threads, threads);
      if (threads > 1) assertEquals(reasons, []);
      else assertMatch(reasons.join(), new RegExp(`One thread computes instead of 3.* ${missing.at(-1)}`));
      assertSame(await bits(engine.program), expected);
    });
  });
}

for (const threads of [1, 3]) {
  testOn("wasm", `50 runs leave memory constant on ${threads} threads`, async () => {
    using engine = await open(threads);
    await bits(engine.program);
    const before = engine.backend.memory;
    for (let i = 0; i < 50; i++) await bits(engine.program);
    assertEquals(engine.backend.memory, before);
  });

  testOn("wasm", `runs that overlap on ${threads} threads come out as if alone`, async () => {
    using engine = await open(threads);
    const expected = await bits(engine.program);
    const results = await Promise.all([1, 2, 3].map(() => bits(engine.program)));
    for (const result of results) assertSame(result, expected);
  });

  testOn(
    "wasm",
    `a device tensor goes into the next run on ${threads} threads, even if disposed meanwhile`,
    async () => {
      using engine = await open(threads);
      const copy = new Graph();
      copy.output(copy.input(SHAPE));
      const [x] = await (await engine.backend.compile(copy)).run([picture()]);
      const expected = await bits(engine.program);
      const running = bits(engine.program, x);
      x.dispose();
      assertSame(await running, expected);
    },
  );

  testOn("wasm", `aborting stops between ops on ${threads} threads, and the engine goes on`, async () => {
    using engine = await open(threads);
    const expected = await bits(engine.program);
    const graph = new Graph();
    let x = graph.input([1, 36, 256, 256]);
    for (let i = 0; i < 400; i++) x = graph.conv2d(x, CONV);
    graph.output(x);
    const long = await engine.backend.compile(graph);
    using input = tensorOf(randomTensor([1, 36, 256, 256]));
    const before = performance.now();
    const reason = await assertRejects(() => long.run([input], { signal: AbortSignal.timeout(100) }), DOMException);
    assertEquals(reason.name, "TimeoutError");
    assert(performance.now() - before < 8000);
    await assertRejects(() => long.run([input], { signal: AbortSignal.abort() }), DOMException);
    assertSame(await bits(engine.program), expected);
  });

  testOn("wasm", `aborting a run that waits for its turn on ${threads} threads ends it at once`, async () => {
    using engine = await open(threads);
    const expected = await bits(engine.program);
    const controller = new AbortController();
    const done: string[] = [];
    const first = bits(engine.program).then((result) => (done.push("first"), result));
    const waiting = engine.program.run([picture()], { signal: controller.signal });
    const refusal = assertRejects(() => waiting, Error, "stop").then(() => done.push("waiting"));
    const third = bits(engine.program);
    controller.abort(new Error("stop"));
    await refusal;
    assertSame(await first, expected);
    assertSame(await third, expected);
    assertEquals(done, ["waiting", "first"]);
  });

  testOn("wasm", `disposing the engine on ${threads} threads ends runs, and tensors say so`, async () => {
    using engine = await open(threads);
    const [result] = await engine.program.run([picture()]);
    const waiting = [engine.program.run([picture()]), engine.program.run([picture()])];
    engine.backend.dispose();
    engine.backend.dispose();
    await assertRejects(() => waiting[1], DeviceError, "disposed");
    await waiting[0].catch((error) => assert(error instanceof DeviceError));
    await assertRejects(() => result.data(), DeviceError, "disposed");
    await assertRejects(() => engine.program.run([picture()]), DeviceError, "disposed");
    await assertRejects(() => engine.backend.compile(network()), DeviceError, "disposed");
    result.dispose();
    assertEquals(engine.backend.memory, NO_MEMORY);
  });
}

testOn("wasm", "disposing the engine on one thread ends a run between ops", async () => {
  const backend = await createWasmBackend({ threads: 1 });
  const layer = { kind: "conv", name: "conv", in: 32, out: 32, kernel: 3, stride: 1 } as const;
  await backend.setParameter(layer, new Float32Array(32 * 32 * 9), new Float32Array(32));
  const graph = new Graph();
  let x = graph.input([1, 32, 256, 256]);
  for (let i = 0; i < 100; i++) x = graph.conv2d(x, layer);
  graph.output(x);
  const run = (await backend.compile(graph)).run([new Tensor(new Float32Array(32 * 256 * 256), [1, 32, 256, 256])]);
  setTimeout(() => backend.dispose(), 100);
  await assertRejects(() => run, DeviceError, "disposed");
});

testOn("wasm", "values that are not finite hang nothing", async () => {
  using engine = await open(2);
  for (const value of [NaN, Infinity, -Infinity, 3e38]) {
    const data = new Float32Array(2 * 3 * 26 * 38).fill(value);
    const [, indices] = await engine.program.run([new Tensor(data, SHAPE)]);
    assert((await indices.data()).every((index) => index >= 0 && index < 50));
  }
});

testOn("wasm", "weights are counted in the layout that the kernels read", async () => {
  using engine = await open(1);
  const { weights, buffers } = engine.backend.memory;
  const least = 4 * 36 * 36 * (9 + 9 + 1);
  assert(weights > least && weights < 1.5 * least, `${weights}`);
  assert(buffers > 0);
  await setParameters(engine.backend);
  assertEquals(engine.backend.memory.weights, weights);
});

testOn("wasm", "a graph beyond 4 GiB is refused, with the size that would fit", async () => {
  using engine = await open(1);
  await engine.backend.setParameter(CONV_IN, new Float32Array(27 * CONV_IN.out), new Float32Array(CONV_IN.out));
  const measure = (height: number, width: number) => {
    const graph = new Graph();
    graph.output(graph.conv2d(graph.input([1, 3, height, width]), CONV_IN));
    return engine.backend.measure(graph);
  };
  const { message } = assertThrows(() => measure(8192, 16384), DeviceError, "instead of 8192×16384 would fit");
  const [height, width] = /inputs of (\d+)×(\d+) /.exec(message)!.slice(1).map(Number);
  assert(measure(height, width) > 2 ** 31, `${height}×${width} take little`);
});

testOn(
  "wasm",
  "pictures are read at once: while runs wait, from a full memory, and to the end where the engine is disposed of",
  async () => {
    for (const threads of [1, 2]) {
      const backend = await createWasmBackend({ threads });
      const shape = [1, 3, 64, 64], gray = new Tensor(new Float32Array(3 * 64 * 64).fill(0.5), shape);
      const graph = new Graph();
      graph.output(graph.straightThrough(graph.input(shape), graph.input(shape)));
      const program = await backend.compile(graph);
      const order: string[] = [];
      const results = await Promise.all(Array.from({ length: 4 }, async () => {
        const [result] = await program.run([gray, gray]);
        order.push("run");
        assertEquals((await readPixels(result, "unit"))[0], 128);
        order.push("picture");
        return result;
      }));
      assert(order.indexOf("picture") < order.lastIndexOf("run"), `${order}`);

      const { memory } = (results[0].storage as WasmStorage).runtime;
      memory.allocate = () => {
        throw new DeviceError("the memory is full");
      };
      const reading = readPixels(results[0], "unit");
      backend.dispose();
      assertEquals((await reading)[0], 128);
    }
  },
);

testOn("wasm", "wrong options are refused", async () => {
  for (const threads of [0, 1.5, NaN]) await assertRejects(() => createWasmBackend({ threads }), RangeError, "threads");
  await assertRejects(() => createWasmBackend({ signal: AbortSignal.abort() }), DOMException);
});

testOn("wasm", "the event loop turns while a run computes", async () => {
  for (const threads of [1, 2]) {
    using engine = await open(threads);
    const graph = new Graph();
    let x = graph.input([1, 36, 128, 128]);
    for (let i = 0; i < 60; i++) x = graph.conv2d(x, CONV);
    graph.output(x);
    const program = await engine.backend.compile(graph);
    let longest = 0, last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const start = performance.now();
    await program.run([tensorOf(randomTensor([1, 36, 128, 128]))]);
    clearInterval(timer);
    const total = performance.now() - start;
    assert(longest < total / 3, `blocked for ${longest} of ${total} ms`);
  }
});

testOn("wasm", "timers have their turn between short runs on one thread", async () => {
  using engine = await open(1);
  const input = picture();
  const controller = new AbortController();
  const runs = Array.from({ length: 300 }, () => engine.program.run([input], { signal: controller.signal }));
  runs[0].then(() => setTimeout(() => controller.abort()));
  const ends = await Promise.allSettled(runs);
  assertEquals([ends[0].status, ends.at(-1)!.status], ["fulfilled", "rejected"]);
});
