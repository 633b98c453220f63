/** A model on the CPU engine whose threads do not start, or end. */
import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import type { Worker } from "node:worker_threads";
import { DeviceError, type Progress } from "../../../mod.ts";
import { makeModel, picture, take, TINY } from "../models.ts";
import { testOn } from "../../support/engines.ts";
import { withoutGlobals } from "../../support/missing_globals.ts";
import { silence, withThreads } from "../../kernels/wasm/threads.ts";

/** Collects the threads that start while a task runs. */
async function collectThreads(task: (threads: Set<Worker>) => Promise<void>): Promise<void> {
  const threads = new Set<Worker>();
  await withThreads((thread) => threads.add(thread), () => task(threads));
}

async function endOne(threads: Set<Worker>): Promise<void> {
  const [thread] = threads;
  await thread.terminate();
  threads.clear();
}

testOn(
  "wasm",
  "an engine that auto chose is replaced when a thread ends, the second time by one thread",
  async () => {
    await collectThreads(async (threads) => {
      const events: Progress[] = [];
      using model = await makeModel(TINY, { device: "auto", threads: 2, onProgress: (event) => events.push(event) });
      using sample = picture(1, 3, 12, 8);
      const expected = await take((await model.encode(sample)).latents);
      assertEquals([model.device, threads.size], ["wasm", 2]);
      for (const left of [2, 0]) {
        await endOne(threads);
        assertEquals(await take((await model.encode(sample)).latents), expected);
        assertEquals(threads.size, left);
      }
      const fallbacks = events.filter(({ status }) => status === "fallback");
      assertEquals(fallbacks.length, 2);
      for (const { reason } of fallbacks) assertStringIncludes(reason!, "A thread ended unexpectedly");
    });
  },
);

testOn("wasm", "with device: wasm, every call fails once a thread has ended", async () => {
  await collectThreads(async (threads) => {
    using model = await makeModel(TINY, { device: "wasm", threads: 2 });
    using sample = picture(1, 3, 12, 8);
    await take((await model.encode(sample)).latents);
    const running = model.encode(sample);
    await Promise.all([
      endOne(threads),
      assertRejects(() => running, DeviceError, "A thread ended unexpectedly"),
    ]);
    for (let i = 0; i < 2; i++) {
      await assertRejects(() => model.tokenize(sample), DeviceError, "load the model again");
    }
  });
});

testOn("wasm", "a model says how many threads compute", async () => {
  for (const threads of [1, 3]) {
    using model = await makeModel(TINY, { device: "wasm", threads });
    assertEquals(model.threads, threads);
  }
});

testOn("wasm", "threads that cannot start are reported through onProgress, and one thread computes", async () => {
  using expected = await makeModel(TINY, { device: "wasm", threads: 1 });
  using sample = picture(1, 3, 12, 8);
  await withoutGlobals(["SharedArrayBuffer"], async () => {
    const events: Progress[] = [];
    using model = await makeModel(TINY, { device: "wasm", threads: 2, onProgress: (event) => events.push(event) });
    const [{ reason }, ...others] = events.filter(({ status }) => status === "fallback");
    assertStringIncludes(
      reason!,
      "One thread computes instead of 2, which could not start: there is no SharedArrayBuffer",
    );
    assertEquals(others, []);
    assertEquals(model.threads, 1);
    const [latents, same] = [await model.encode(sample), await expected.encode(sample)];
    assertEquals(await take(latents.latents), await take(same.latents));
  });
});

testOn("wasm", "a signal ends the waiting for threads that never answer", async () => {
  await withThreads(silence, async () => {
    const controller = new AbortController();
    const loading = makeModel(TINY, { device: "wasm", threads: 2, signal: controller.signal });
    const start = performance.now();
    setTimeout(() => controller.abort(new Error("changed my mind")), 50);
    await assertRejects(() => loading, Error, "changed my mind");
    assertLess(performance.now() - start, 5000);
  });
});
