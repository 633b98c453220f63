/**
 * Runs of data sets with a built package, which datasets.test.ts disturbs:
 * - `dataset_run_script.js DIST tokenize MODEL OUTPUT INPUT…` prints the error, if there is one
 * - `dataset_run_script.js DIST work ADDRESS` publishes a job, and prints those that it does, each of which blocks the thread
 *   for its value in seconds
 */
import process from "node:process";

const [dist, task, ...args] = process.argv.slice(2);
const { VQModel } = await import(`${dist}/mod.js`);
const { fileSink, openQueue, openSource, parseQueueAddress, tokenizeDataset } = await import(`${dist}/datasets/mod.js`);
// deno-lint-ignore no-console
const print = (text) => console.log(text);

async function tokenize(path, output, ...inputs) {
  const model = await VQModel.fromPretrained(path, { device: "wasm", threads: 1 });
  const source = await openSource(inputs, { shardSize: 2 });
  await tokenizeDataset(model, source, fileSink(output, { format: "tar" })).catch(({ message }) => print(message));
  model.dispose();
}

async function work(address) {
  const queue = await openQueue(parseQueueAddress(address));
  await queue.publish("of Node", 0);
  const handle = ({ id, value }) => {
    for (const end = performance.now() + 1000 * value; performance.now() < end;);
    print(id);
    return Promise.resolve(1);
  };
  await queue.work(handle, { worker: "node" });
  await queue[Symbol.asyncDispose]();
}

await { tokenize, work }[task](...args);
