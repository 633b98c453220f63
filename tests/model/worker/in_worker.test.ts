/** Models in workers: `VQModel.inWorker` and `serveModel`. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  ConfigError,
  DeviceError,
  HubError,
  ImageProcessor,
  type Progress,
  serveModel,
  Tensor,
  VQModel,
  WeightsError,
  type WorkerModel,
  type WorkerOptions,
} from "../../../mod.ts";
import { loadGolden } from "../../support/golden.ts";
import { testOn } from "../../support/engines.ts";
import { fixture, repository } from "../../support/paths.ts";
import { tensorOf } from "../models.ts";

const FOLDER = fixture("golden/tiny-default");
const OPTIONS: WorkerOptions = { device: "wasm", threads: 2 };
const golden = loadGolden("tiny-default");

function startWorker(): Worker {
  return new Worker(new URL("model_worker.ts", import.meta.url), { type: "module" });
}

/** Runs a test with the same model here and in a worker. */
async function withBoth(use: (model: WorkerModel, here: VQModel, worker: Worker) => Promise<void>): Promise<void> {
  const worker = startWorker();
  using here = await VQModel.fromPretrained(FOLDER, OPTIONS);
  const model = await VQModel.inWorker(worker, FOLDER, OPTIONS);
  await use(model, here, worker);
  model.dispose();
  worker.terminate();
}

/** The values of the tensors in a result. */
async function read(result: object): Promise<unknown> {
  if (!(result instanceof Tensor)) {
    return await Promise.all(Object.values(result).map((value) => value instanceof Tensor ? read(value) : value));
  }
  return [result.shape, result.dtype, await result.data()];
}

testOn("wasm", "a model in a worker has the properties and results of one here", async () => {
  await withBoth(async (model, here) => {
    for (const key of ["config", "commit", "only", "pixelRange", "downsamplingFactor"] as const) {
      assertEquals<unknown>(model[key], here[key], key);
    }
    for (const key of ["device", "dtype", "threads"] as const) assertEquals<unknown>(model[key], here[key], key);
    assertEquals(model.numParameters(), here.numParameters());

    const [sample, latents] = ["sample", "latents"].map((name) => tensorOf(golden.tensor(name)));
    const tokens = await here.tokenize(sample, { margins: true });
    const calls: ((model: WorkerModel | VQModel) => Promise<object>)[] = [
      (model) => model.encode(sample),
      (model) => model.encode(sample, { returnDict: false }),
      (model) => model.quantize(latents),
      (model) => model.decode(latents),
      (model) => model.decode(latents, { forceNotQuantize: true, returnDict: false }),
      (model) => model.forward(sample),
      (model) => model.tokenize(sample),
      (model) => model.tokenize(sample, { margins: true }),
      (model) => model.detokenize(tokens),
      (model) => model.detokenize(Array.from({ length: 2 }, () => [[0, 1], [2, 3]])),
      (model) => model.codebook(),
      (model) => model.codes(),
    ];
    for (const call of calls) assertEquals(await read(await call(model)), await read(await call(here)), `${call}`);
    assertEquals(await model.memory({ shape: [1, 3, 64, 64] }), here.memory({ shape: [1, 3, 64, 64] }));
    assert((await model.memory()).held > 0);
    await model.tune();
    const profile = await model.profile(sample, { rounds: 1 });
    assertEquals(
      profile.ops.map(({ name }) => name),
      (await here.profile(sample, { rounds: 1 })).ops.map((op) => op.name),
    );
    assertStringIncludes(`${profile}`, "GFLOP/s");
    assertEquals((await sample.data()).length, sample.size, "arguments are copied");
  });
});

testOn("wasm", "pictures reach a worker as pixels, and give the same tokens", async () => {
  await withBoth(async (model, here) => {
    const picture = await Deno.readFile(repository("examples/images/close-up.png"));
    const sample = await ImageProcessor.for(model).preprocess(picture, { height: 64, width: 64 });
    assertEquals(await model.tokenize(sample), await here.tokenize(sample));
    assert(!ArrayBuffer.isView(sample.storage), "the pixels were not converted");
  });
});

testOn("wasm", "models are loaded in a worker from files, and from the URL of a checkpoint", async () => {
  const worker = startWorker();
  const names = ["config.json", "diffusion_pytorch_model.safetensors"];
  const files = names.map((name) => new File([Deno.readFileSync(`${FOLDER}/${name}`)], name));
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    return new Response(Deno.readFileSync(FOLDER + new URL(request.url).pathname));
  });
  const url = new URL(`http://127.0.0.1:${server.addr.port}/${names[1]}`);
  const sample = tensorOf(golden.tensor("sample"));
  const results: unknown[] = [];
  for (
    const model of await Promise.all([
      VQModel.inWorker(worker, files, OPTIONS),
      VQModel.inWorker(worker, new Map(files.map((file) => [`folder/${file.name}`, file])), OPTIONS),
      VQModel.inWorker(worker, url, { ...OPTIONS, config: golden.config }),
    ])
  ) {
    results.push((await model.tokenize(sample)).indices);
    model.dispose();
  }
  assertEquals(results, Array(3).fill(results[0]));
  worker.terminate();
  await server.shutdown();
});

testOn("wasm", "pictures are decoded again in part in a worker", async () => {
  await withBoth(async (model, here, worker) => {
    const other = await VQModel.inWorker(worker, FOLDER, OPTIONS);
    const indices = Int32Array.from({ length: 40 * 40 }, (_, i) => i % 7);
    const tokens = { indices, shape: [1, 40, 40] };
    const changed = [3, 4, 5, 6] as const;
    const edit = async (model: WorkerModel | VQModel) => {
      indices.fill(1);
      const first = await model.detokenize(tokens, { editable: true });
      indices[3 * 40 + 4] = 5;
      const second = await model.detokenize(tokens, { previous: first, changed });
      const third = await model.detokenize(tokens, { previous: second, changed: [3, 4, 3, 4] });
      return [first, second, third];
    };
    const pictures = await edit(model);
    const expected = await edit(here);
    assertEquals(await read(pictures), await read(expected));
    const processor = ImageProcessor.for(here);
    assertEquals(await processor.postprocess(pictures[1]), await processor.postprocess(expected[1]));
    const { used } = await model.memory();
    const previous = pictures[0];
    await assertRejects(() => other.detokenize(tokens, { previous, changed }), TypeError, "previous must be a picture");
    pictures.forEach((picture) => picture.dispose());
    await assertRejects(() => model.detokenize(tokens, { previous, changed }), TypeError, "disposed");
    assert((await model.memory()).used < used, "disposing frees what the worker keeps");
    other.dispose();
  });
});

testOn("wasm", "what a worker keeps for a picture whose call was aborted too late is freed", async () => {
  await withBoth(async (model) => {
    const tokens = { indices: new Int32Array(40 * 40), shape: [1, 40, 40] };
    (await model.detokenize(tokens, { editable: true })).dispose();
    const { used } = await model.memory();
    const controller = new AbortController();
    const decoding = model.detokenize(tokens, { editable: true, signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve)); // the request is sent
    const end = performance.now() + 500;
    while (performance.now() < end); // the worker is done, and its reply waits
    controller.abort();
    await assertRejects(() => decoding, DOMException, "aborted");
    await model.memory(); // after the reply
    assertEquals((await model.memory()).used, used);
  });
});

testOn("wasm", "progress and cancellation work across", async () => {
  const worker = startWorker();
  const events: Progress["status"][] = [];
  const onProgress = ({ status }: Progress) => events.push(status);
  const model = await VQModel.inWorker(worker, FOLDER, { ...OPTIONS, onProgress });
  assertEquals([events[0], events.at(-1)], ["load", "ready"]);

  const sample = tensorOf(golden.tensor("sample"));
  const seen: number[][] = [];
  await model.encode(sample, { onProgress: (...progress) => seen.push(progress) });
  const [done, total] = seen.at(-1)!;
  assertEquals(done, total);

  const controller = new AbortController();
  const { signal } = controller;
  const calls = [model.tokenize(sample, { signal }), model.profile(sample, { signal })];
  controller.abort(new RangeError("no longer needed"));
  for (const call of calls) await assertRejects(() => call, RangeError, "no longer needed");
  await assertRejects(() => model.tokenize(sample, { signal }), RangeError, "no longer needed");
  const refuse = () => {
    throw new RangeError("refused");
  };
  await assertRejects(() => model.encode(sample, { onProgress: refuse }), RangeError, "refused");
  await assertRejects(() => VQModel.inWorker(worker, FOLDER, { onProgress: refuse }), RangeError, "refused");
  await assertRejects(() => VQModel.inWorker(worker, FOLDER, { signal }), RangeError, "no longer");
  await model.tokenize(sample); // goes on
  model.dispose();
  worker.terminate();
});

testOn("wasm", "errors keep their class, message and fields", async () => {
  await withBoth(async (model, here, worker) => {
    const wrong: ((model: WorkerModel | VQModel) => Promise<unknown>)[] = [
      (model) => model.encode(golden.tensor("sample") as unknown as Tensor),
      (model) => model.encode(new Tensor(new Float32Array(12), [1, 3, 2, 2]), { sigal: 1 } as object),
      (model) => model.encode(new Tensor(new Float32Array(4), [1, 1, 2, 2])),
      (model) => model.detokenize([[100_000]]),
    ];
    for (const call of wrong) {
      const expected = await assertRejects(() => call(here), Error);
      const found = await assertRejects(() => call(model), Error);
      assertEquals([found.constructor, found.message], [expected.constructor, expected.message]);
    }
    const disposed = new Tensor(new Float32Array(12), [1, 3, 2, 2]);
    disposed.dispose();
    await assertRejects(() => model.encode(disposed), TypeError, "disposed");
    const load = (source: string | File[], options: object = {}) => () => VQModel.inWorker(worker, source, options);
    await assertRejects(load("no/such/folder"), HubError);
    await assertRejects(load([new File(["{}"], "config.json")]), WeightsError);
    const name = "diffusion_pytorch_model.safetensors";
    const weights = new File([Deno.readFileSync(`${FOLDER}/${name}`)], name);
    await assertRejects(load([new File(['{"norm_type": "none"}'], "config.json"), weights]), ConfigError);
    await assertRejects(load(FOLDER, { treads: 1 }), TypeError, 'did you mean "threads"?');
    await assertRejects(load(FOLDER, { fetch }), TypeError, "Cannot send the arguments of load to a worker");

    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response("", { status: 403 }),
    );
    const hubUrl = new URL(`http://127.0.0.1:${server.addr.port}`);
    const error = await assertRejects(load("owner/name", { hubUrl, cacheDir: "/nowhere" }), HubError);
    assertEquals([error.status, error.url?.startsWith(hubUrl.href)], [403, true]);
    await server.shutdown();
  });
});

testOn("wasm", "disposing ends a model, its pending calls, and nothing else in its worker", async () => {
  await withBoth(async (model, _, worker) => {
    const other = await VQModel.inWorker(worker, FOLDER, OPTIONS);
    const sample = tensorOf(golden.tensor("sample"));
    const pending = model.forward(sample);
    model.dispose();
    await assertRejects(() => pending, DeviceError, "the model was disposed");
    model.dispose();
    await assertRejects(() => model.encode(sample), DeviceError, "the model was disposed");
    await other.encode(sample);
    worker.postMessage("hello");
    assertEquals(await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data)), "hello");
    other.dispose();
  });
});

testOn("wasm", "a worker that ends rejects pending and later calls", async () => {
  const worker = startWorker();
  worker.onerror = (event) => event.preventDefault();
  const model = await VQModel.inWorker(worker, FOLDER, OPTIONS);
  const sample = tensorOf(golden.tensor("sample"));
  const pending = model.forward(sample);
  worker.postMessage("throw");
  await assertRejects(() => pending, DeviceError, "The worker of the model ended unexpectedly");
  await assertRejects(() => model.encode(sample), DeviceError, "ended unexpectedly");
  model.dispose();

  const missing = new Worker("data:text/javascript,throw new Error('no start')", { type: "module" });
  missing.onerror = (event) => event.preventDefault();
  await assertRejects(() => VQModel.inWorker(missing, FOLDER), DeviceError, "ended unexpectedly");
});

/** Runs a test in which time limits of half a minute or more end after a second. */
async function withShortLimits(use: () => Promise<void>): Promise<void> {
  const { setTimeout } = globalThis;
  globalThis.setTimeout =
    ((callback: () => void, delay = 0) => setTimeout(callback, delay < 30_000 ? delay : 1000)) as typeof setTimeout;
  try {
    await use();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}

testOn(
  "wasm",
  "a worker that does not serve models is an error that says so, and one that starts slowly is waited for",
  async () => {
    await withShortLimits(async () => {
      const silent = new Worker("data:text/javascript,onmessage = () => {}", { type: "module" });
      const error = await assertRejects(() => VQModel.inWorker(silent, FOLDER, OPTIONS), DeviceError);
      assertStringIncludes(error.message, "did not answer within 60 seconds. Its module must call serveModel()");
      silent.terminate();
    });
    const module = new URL("model_worker.ts", import.meta.url).href;
    const busy = "const end = Date.now() + 1500; while (Date.now() < end);";
    const slow = new Worker(`data:text/javascript,import "${module}"; ${busy}`, { type: "module" });
    const model = await VQModel.inWorker(slow, FOLDER, OPTIONS);
    assertEquals((await model.codes()).shape[0], golden.config.num_vq_embeddings);
    model.dispose();
    slow.terminate();
  },
);

testOn("wasm", "only a worker or a port serves models", async () => {
  assertThrows(() => serveModel(), TypeError, "in a worker");
  const { port1, port2 } = new MessageChannel();
  serveModel(port1);
  const model = await VQModel.inWorker(port2, FOLDER, { device: "wasm", threads: 1 });
  assertEquals((await model.codes()).shape[0], model.config.num_vq_embeddings);
  model.dispose();
  port1.close();
  port2.close();
});
