/** A session of the playground: what is open, with an engine that the test answers for. */
import { assert, assertEquals } from "@std/assert";
import type { LoadedModel } from "../../../examples/playground/engine/loaded_model.ts";
import type { DecodeRequest, ModelSource } from "../../../examples/playground/engine/types.ts";
import { type LoadModel, Session } from "../../../examples/playground/session.ts";
import { Picture, Tensor } from "../../../mod.ts";

const MODEL: ModelSource = { kind: "hub", name: "owner/name" };
const SAMPLE = new Tensor(new Float32Array(6), [1, 3, 1, 2]);
const PICTURE = new Picture(2, 1, new Uint8ClampedArray(8));

/** A call that the session made. */
interface Call {
  readonly method: string;
  readonly argument: unknown;
  /** Lets it return its result. */
  answer(): void;
}

/** A session whose calls of `held` methods wait for the test. */
function sessionWith(...held: string[]) {
  const calls: Call[] = [];

  /** Makes a call that returns a result: at once, or when the test says so. */
  function call<T>(method: string, argument: unknown, result: T, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      const answer = () => resolve(result);
      calls.push({ method, argument, answer });
      if (!held.includes(method)) answer();
    });
  }

  const model = {
    codes: 16,
    factor: 1,
    device: "wasm",
    tokenize: (file: Blob, _side: number, signal: AbortSignal) => {
      const indices = Int32Array.of(file.size, 1);
      const tokens = { sample: SAMPLE, picture: PICTURE, rows: 1, columns: 2, indices };
      return call("tokenize", file, tokens, signal);
    },
    decode: (request: DecodeRequest, signal: AbortSignal) =>
      call("decode", request, { picture: PICTURE, exact: request.exact, milliseconds: 1 }, signal),
    profile: (sample: Tensor, signal: AbortSignal) => call("profile", sample, [], signal),
    heldMemory: () => Promise.resolve(0),
    dispose: () => calls.push({ method: "dispose", argument: undefined, answer() {} }),
  };
  const load: LoadModel = (source, { signal }) => {
    return call("load", source, { ...model } as unknown as LoadedModel, signal);
  };
  const session = new Session(load, () => {});
  const open = (size: number) => session.open({ file: new Blob([new Uint8Array(size)]), name: `${size}`, side: 1 });
  const answer = (method: string) => {
    for (const { answer } of calls.filter((call) => call.method === method)) answer();
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
  const { session, calls, open } = sessionWith();
  await session.load(MODEL, "auto");
  await open(3);
  session.edit({ kind: "paint", code: 9, cells: [1] });
  await session.load(MODEL, "wasm");
  assertEquals([...session.tokens!], [3, 9]);
  assert(session.canUndo);
  assertEquals(calls.filter(({ method }) => method === "dispose").length, 1, "the model before is disposed");
  await session.load({ ...MODEL }, "auto");
  assertEquals([...session.tokens!], [3, 1]);
  assert(!session.canUndo);
});

Deno.test("a model that is replaced ends what is measured with it, without an error", async () => {
  const { session, calls, open } = sessionWith("profile");
  await session.load(MODEL, "auto");
  await open(3);
  const measuring = session.measure();
  await tick();
  assertEquals(calls.at(-1)!.argument, SAMPLE);
  await session.load(MODEL, "wasm");
  assertEquals([await measuring, session.error, session.isBusy], [undefined, undefined, false]);
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
