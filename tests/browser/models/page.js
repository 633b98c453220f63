/** A page that computes with the built package, in the window or in a worker. */
import { Tensor, VQModel } from "../../../mod.ts";
import { resultsOf } from "./results.js";

let worker, gpu;

/** Loads a model of fetched files. */
async function load({ files, inWorker, ...options }) {
  const blobs = new Map();
  for (const url of files) blobs.set(url.split("/").at(-1), await (await fetch(url)).blob());
  if (!inWorker) {
    const device = options.device === "webgpu" ? await (gpu ??= openDevice()) : options.device;
    return await VQModel.fromFiles(blobs, { ...options, device });
  }
  worker ??= new Worker("/repository/tests/browser/models/model_worker.js", { type: "module" });
  return await VQModel.inWorker(worker, blobs, options);
}

/** A device of WebGPU's default limits and no features, for all models, so that the browser reuses their kernels. */
async function openDevice() {
  const adapter = await navigator.gpu.requestAdapter();
  return await adapter.requestDevice();
}

function tensorOf({ data, shape }) {
  return new Tensor(Float32Array.from(data), shape);
}

/** The results of one model, which computes where the request says. */
globalThis.compute = async ({ sample, ...request }) => {
  const fallbacks = [];
  const onProgress = ({ status, reason }) => status === "fallback" && fallbacks.push(reason);
  const model = await load({ ...request, onProgress });
  const results = await resultsOf(model, tensorOf(sample));
  const { device, threads } = model;
  model.dispose();
  return { ...results, device, threads, fallbacks };
};

/** Tokenizes and decodes many times with one model, and returns the bytes that it holds after each round. */
globalThis.repeat = async ({ sample, rounds, ...request }) => {
  const model = await load(request);
  const held = [];
  for (let round = 0; round < rounds; round++) {
    const { indices, shape } = await model.tokenize(tensorOf(sample));
    (await model.detokenize({ indices, shape })).dispose();
    held.push((await model.memory()).held);
  }
  model.dispose();
  return held;
};

/** The error of a call whose worker is terminated. */
globalThis.endWorker = async ({ sample, ...request }) => {
  const model = await load({ ...request, inWorker: true });
  const call = model.tokenize(tensorOf(sample));
  worker.terminate();
  return await call.then(() => "no error", ({ name, message }) => `${name}: ${message}`);
};

/** Bytes of the page and its workers, WebAssembly's memory among them, after garbage is collected. */
globalThis.bytesInUse = async () => (await performance.measureUserAgentSpecificMemory()).bytes;

/** Tokenizes before and after the device is lost that "auto" chose; the browser's adapter passes for that of a GPU. */
globalThis.loseDevice = async ({ sample, ...request }) => {
  const devices = [];
  const { requestAdapter } = navigator.gpu;
  navigator.gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter.call(navigator.gpu, options);
    const { requestDevice } = adapter;
    return Object.defineProperties(adapter, {
      info: { value: { description: "a GPU", isFallbackAdapter: false } },
      requestDevice: {
        value: async (options) => {
          devices.push(await requestDevice.call(adapter, options));
          return devices.at(-1);
        },
      },
    });
  };
  const model = await load({ ...request, device: "auto" });
  const results = [];
  for (;;) {
    const { indices } = await model.tokenize(tensorOf(sample));
    results.push({ device: model.device, devices: devices.length, tokens: [...indices] });
    if (model.device === "wasm") return results;
    devices.at(-1).destroy();
  }
};
