/** A session of the playground: what is open, with an engine that the test answers for. */
import { assert, assertEquals } from "@std/assert";
import type { DecodedPicture, ModelSource, Pixels } from "../../../examples/playground/engine/protocol.ts";
import type { CallOptions, Remote } from "../../../examples/playground/engine/rpc.ts";
import type { EngineMethods } from "../../../examples/playground/engine/worker.ts";
import { Session } from "../../../examples/playground/session.ts";

const MODEL: ModelSource = { kind: "hub", name: "owner/name" };
const PIXELS: Pixels = { width: 2, height: 1, data: new Uint8ClampedArray(8) };

/** A call that the session made. */
interface Call {
  readonly method: string;
  readonly argument: unknown;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A session whose calls of `held` methods wait for the test. */
function sessionWith(...held: string[]) {
  const calls: Call[] = [];
  const results: Record<string, (argument: never) => unknown> = {
    load: () => ({ codes: 16, factor: 1, device: "wasm" }),
    tokenize: ({ file }: { file: Blob }) => ({
      rows: 1,
      columns: 2,
      indices: Int32Array.of(file.size, 1),
      picture: PIXELS,
    }),
    decode: ({ exact }: { exact: boolean }) => ({ picture: PIXELS, exact, milliseconds: 1 } satisfies DecodedPicture),
    memory: () => ({ held: 0, used: 0 }),
    forget: () => undefined,
  };
  const engine = {
    call: (method: string, argument: unknown, { signal }: CallOptions = {}) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
        calls.push({ method, argument, resolve, reject });
        if (!held.includes(method)) resolve(results[method](argument as never));
      }),
  } as unknown as Remote<EngineMethods>;
  const session = new Session(engine, () => {});
  const open = (size: number) => session.open({ file: new Blob([new Uint8Array(size)]), name: `${size}`, side: 1 });
  const answer = (method: string) => {
    for (const { argument, resolve } of calls.filter((call) => call.method === method)) {
      resolve(results[method](argument as never));
    }
  };
  return { session, calls, open, answer };
}

const tick = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("a picture that is opened while a model is loaded waits for it", async () => {
  const { session, calls, open, answer } = sessionWith("load");
  const loading = session.load(MODEL, "auto");
  const opening = open(7);
  await tick();
  assertEquals(calls.map(({ method }) => method), ["load"]);
  assertEquals(session.task?.text, "Loading owner/name");
  answer("load");
  await Promise.all([loading, opening]);
  assertEquals([session.opened?.name, session.error], ["7", undefined]);
});

Deno.test("of two pictures the last one is opened, whichever is ready first", async () => {
  const { session, open, answer } = sessionWith("tokenize");
  await session.load(MODEL, "auto");
  const both = [open(3), open(4)];
  await tick();
  answer("tokenize");
  await Promise.all(both);
  assertEquals([session.opened?.name, session.tokens?.[0], session.error], ["4", 4, undefined]);
});

Deno.test("a task that is cancelled leaves everything as it was, and is no error", async () => {
  const { session, open } = sessionWith("tokenize");
  await session.load(MODEL, "auto");
  const opening = open(3);
  await tick();
  assert(session.isBusy);
  session.cancel();
  await opening;
  assertEquals([session.opened, session.error, session.isBusy], [undefined, undefined, false]);
});

Deno.test("another engine for the same model keeps the edits, another model does not", async () => {
  const { session, open } = sessionWith();
  await session.load(MODEL, "auto");
  await open(3);
  session.edit({ kind: "paint", code: 9, cells: [1] });
  await session.load(MODEL, "wasm");
  assertEquals([...session.tokens!], [3, 9]);
  assert(session.canUndo);
  await session.load({ ...MODEL }, "auto");
  assertEquals([...session.tokens!], [3, 1]);
  assert(!session.canUndo);
});

Deno.test("a stroke is decoded as it goes, and becomes one edit with an exact picture", async () => {
  const { session, calls, open } = sessionWith();
  await session.load(MODEL, "auto");
  await open(3);
  await tick();
  session.stroke([0], 5);
  await tick();
  session.stroke([1], 5);
  await tick();
  session.endStroke();
  await tick();
  const decoded = calls.filter(({ method }) => method === "decode").map(({ argument }) => argument);
  assertEquals(
    decoded.map((argument) => (argument as { exact: boolean }).exact),
    [true, false, false, true],
  );
  assertEquals([...session.tokens!], [5, 5]);
  session.undo();
  assertEquals([[...session.tokens!], session.canUndo, session.canRedo], [[3, 1], false, true]);
  session.stroke([0], 9);
  session.cancelStroke();
  assertEquals([[...session.tokens!], session.canUndo, session.canRedo], [[3, 1], false, true]);
});

Deno.test("edits of a link that do not fit the picture are an error", async () => {
  const { session } = sessionWith();
  await session.load(MODEL, "auto");
  const edits = [{ kind: "paint", code: 16, cells: [0] }] as const;
  await session.openShared({ model: "owner/name", content: { picture: "a", side: 64, edits } }, () => {
    return Promise.resolve(new Blob([]));
  });
  assertEquals(session.error, "Cannot apply the edit: there are 16 codes");
});
