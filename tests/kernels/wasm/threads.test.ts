/** The CPU engine when threads do not start, or end unexpectedly. */
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import type { Worker } from "node:worker_threads";
import { type Backend, DeviceError, Graph, Tensor } from "../../../kernels/mod.ts";
import { createWasmBackend, type WasmOptions } from "../../../kernels/wasm/mod.ts";
import { inNoTime } from "../in_no_time.ts";
import { testOn } from "../../support/engines.ts";
import { silence, withThreads } from "./threads.ts";

async function open(options: WasmOptions): Promise<Backend & Disposable> {
  const backend = await createWasmBackend(options);
  return Object.assign(backend, { [Symbol.dispose]: () => backend.dispose() });
}

/** Computes something, which takes all threads. */
async function compute(backend: Backend): Promise<number[]> {
  const graph = new Graph();
  const x = graph.input([1, 4, 2, 2]);
  graph.output(graph.attention(x, x, x));
  using given = new Tensor(Float32Array.from({ length: 16 }, (_, i) => i / 8), [1, 4, 2, 2]);
  const [result] = await (await backend.compile(graph)).run([given]);
  return Array.from(await result.data());
}

testOn("wasm", "threads that never answer are given up after ten seconds, and one computes", async () => {
  using one = await open({ threads: 1 });
  await withThreads(silence, async () => {
    await inNoTime(async () => {
      const reasons: string[] = [];
      using backend = await open({ threads: 3, onFallback: (reason) => reasons.push(reason) });
      assertEquals([backend.threads, backend.lost, reasons.length], [1, false, 1]);
      assertStringIncludes(reasons[0], "3 threads did not start within 10 seconds");
      assertEquals(await compute(backend), await compute(one));
    });
  });
});

testOn("wasm", "one thread of many that never answers is enough", async () => {
  const threads: Worker[] = [];
  const silenceFirst = (thread: Worker) => {
    if (threads.push(thread) === 1) silence(thread);
  };
  await withThreads(silenceFirst, async () => {
    await inNoTime(async () => {
      using backend = await open({ threads: 3 });
      assertEquals([backend.threads, threads.length], [1, 3]);
    });
  });
});

testOn("wasm", "a signal ends the waiting for threads that never answer", async () => {
  await withThreads(silence, async () => {
    const controller = new AbortController();
    const start = performance.now();
    const opening = createWasmBackend({ threads: 2, signal: controller.signal });
    setTimeout(() => controller.abort(new Error("changed my mind")), 50);
    await assertRejects(() => opening, Error, "changed my mind");
    assertLess(performance.now() - start, 3000);
  });
});

testOn("wasm", "an engine whose thread ended is lost, and says so on every later call", async () => {
  const threads: Worker[] = [];
  await withThreads((thread) => threads.push(thread), async () => {
    using backend = await open({ threads: 3 });
    await compute(backend);
    assertEquals([threads.length, backend.lost], [3, false]);
    await threads[0].terminate();
    for (let i = 0; i < 3; i++) {
      await assertRejects(() => compute(backend), DeviceError, "A thread ended unexpectedly");
      assert(backend.lost);
    }
    const norm = { kind: "norm", name: "norm", channels: 4 } as const;
    await backend.setParameter(norm, new Float32Array(4), new Float32Array(4)); // needs no thread
  });
});

testOn("wasm", "an engine that was disposed of is not lost", async () => {
  const backend = await createWasmBackend({ threads: 2 });
  backend.dispose();
  await new Promise((resolve) => setTimeout(resolve, 50)); // its threads have ended
  assertEquals(backend.lost, false);
});
