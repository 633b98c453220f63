/** Calls to a worker: results, progress, errors and cancellation. */
import { assertEquals, assertRejects } from "@std/assert";
import { type CallContext, connect, type Port, serve } from "../../../examples/playground/engine/rpc.ts";
import { LiveDecoder } from "../../../examples/playground/engine/live_decoder.ts";
import type { DecodedPicture, TokenGrid } from "../../../examples/playground/engine/protocol.ts";

let aborted = 0;

const METHODS = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  pixels: (length: number) => Promise.resolve({ data: new Uint8Array(length) }),
  refuse: () => Promise.reject(new RangeError("too large")),
  count(to: number, { progress }: CallContext) {
    for (let i = 1; i <= to; i++) progress(i);
    return "counted";
  },
  wait: (_: undefined, { signal }: CallContext) =>
    new Promise<void>((_resolve, reject) => {
      signal.addEventListener("abort", () => (aborted++, reject(signal.reason)));
    }),
};

/** Runs a test with both ends of a channel. */
async function withCalls(use: (remote: ReturnType<typeof connect<typeof METHODS>>) => Promise<void>): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  serve(port1 as Port, METHODS);
  const remote = connect<typeof METHODS>(port2 as Port);
  port1.start();
  port2.start();
  await use(remote);
  port1.close();
  port2.close();
}

Deno.test("calls return results, also many at a time", async () => {
  await withCalls(async (remote) => {
    const sums = [1, 2, 3].map((b) => remote.call("add", { a: 1, b }));
    assertEquals(await Promise.all(sums), [2, 3, 4]);
    assertEquals((await remote.call("pixels", 5)).data, new Uint8Array(5));
  });
});

Deno.test("errors keep their class, name and message", async () => {
  await withCalls(async (remote) => {
    await assertRejects(() => remote.call("refuse", undefined), RangeError, "too large");
    await assertRejects(() => remote.call("missing" as "refuse", undefined), TypeError);
  });
});

Deno.test("progress arrives before the result", async () => {
  await withCalls(async (remote) => {
    const seen: unknown[] = [];
    assertEquals(await remote.call("count", 3, { onProgress: (value) => seen.push(value) }), "counted");
    assertEquals(seen, [1, 2, 3]);
  });
});

Deno.test("an aborted call rejects with the reason, and aborts the signal of its method", async () => {
  await withCalls(async (remote) => {
    const controller = new AbortController();
    const waiting = remote.call("wait", undefined, { signal: controller.signal });
    controller.abort(new Error("no longer needed"));
    await assertRejects(() => waiting, Error, "no longer needed");
    await remote.call("add", { a: 1, b: 1 }); // after the message that aborts
    assertEquals(aborted, 1);
    await assertRejects(() => remote.call("wait", undefined, { signal: controller.signal }), Error, "no longer needed");
  });
});

/** A decoder whose decodings end when the test says so. */
function controlled() {
  const running: { code: number; exact: boolean; end(): void }[] = [];
  const shown: number[] = [];
  const errors: unknown[] = [];
  const decoder = new LiveDecoder({
    decode: ({ indices: [code], exact }, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        const picture = { width: 1, height: 1, data: new Uint8ClampedArray(4) };
        const end = () => code < 0 ? reject(new Error("broken")) : resolve({ picture, exact, milliseconds: code });
        running.push({ code, exact, end });
      }),
    onPicture: ({ milliseconds }: DecodedPicture) => shown.push(milliseconds),
    onError: (error) => errors.push(error),
  });
  const grid = (code: number): TokenGrid => ({ rows: 1, columns: 1, indices: Int32Array.of(code) });
  const tick = () => new Promise((resolve) => setTimeout(resolve));
  return { decoder, running, shown, errors, grid, tick };
}

Deno.test("while a picture is decoded, only the latest tokens wait", async () => {
  const { decoder, running, shown, grid, tick } = controlled();
  for (const code of [1, 2, 3]) decoder.show(grid(code), { exact: false });
  running[0].end();
  await tick();
  running[1].end();
  await tick();
  assertEquals([running.map(({ code }) => code), shown, decoder.isBusy], [[1, 3], [1, 3], false]);
});

Deno.test("new tokens cancel an exact picture, and an error does not end decoding", async () => {
  const { decoder, running, shown, errors, grid, tick } = controlled();
  decoder.show(grid(1), { exact: true });
  decoder.show(grid(-2), { exact: false });
  await tick();
  running[1].end();
  await tick();
  decoder.show(grid(3), { exact: true });
  running[2].end();
  await tick();
  assertEquals([running.map(({ code }) => code), shown], [[1, -2, 3], [3]]);
  assertEquals(errors.map((error) => (error as Error).message), ["broken"]);
});
