/**
 * Loads a model in a worker of Node and outside: `worker_script.js MODULE FOLDER`. Prints the name of the error of a call
 * whose worker is terminated. The worker runs the same script. Run by node.test.ts.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const [module, folder] = process.argv.slice(2);
const { serveModel, Tensor, VQModel } = await import(module);

async function main() {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: [module] });
  const options = { device: "wasm", threads: 2 };
  const model = await VQModel.inWorker(worker, folder, options);
  const outside = await VQModel.fromPretrained(folder, options);
  const sample = new Tensor(Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i)), [1, 3, 32, 32]);
  assert.equal(model.threads, 2);
  assert.deepEqual(await model.tokenize(sample), await outside.tokenize(sample));
  outside.dispose();

  const call = model.forward(sample);
  worker.terminate();
  // deno-lint-ignore no-console
  await call.catch(({ name }) => console.log(name));
}

if (isMainThread) await main();
else serveModel(parentPort);
