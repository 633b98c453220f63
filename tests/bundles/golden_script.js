/**
 * Computes goldens with a built package, on one thread and on two: `golden_script.js MODULE FOLDER…`. Prints a line for
 * each, or fails where a result is not the stored one. Run by node.test.ts in Node and in Bun.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";

const [module, ...folders] = process.argv.slice(2);
const { Tensor, VQModel } = await import(module);

/** The tensors of a safetensors file, as the goldens hold them: float32 and int32. */
async function readTensors(path) {
  const { buffer } = new Uint8Array(await readFile(path));
  const end = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, end - 8)));
  return (name) => {
    const { dtype, shape, data_offsets: [from, to] } = header[name];
    const bytes = buffer.slice(end + from, end + to);
    return { shape, data: dtype === "I32" ? new Int32Array(bytes) : new Float32Array(bytes) };
  };
}

/** Checks ‖actual − expected‖ / ‖expected‖. */
function checkClose(actual, { data: expected }, tolerance, what) {
  assert.equal(actual.length, expected.length, what);
  let [error, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  assert(Math.sqrt(error / norm) <= tolerance, `${what}: relative error ${Math.sqrt(error / norm)}`);
}

async function compute(folder, tensor, threads) {
  const model = await VQModel.fromPretrained(folder, { device: "wasm", threads });
  assert.equal(model.threads, threads);
  const of = (name) => new Tensor(tensor(name).data, tensor(name).shape);
  const { latents } = await model.encode(of("sample"));
  const tokens = await model.tokenize(of("sample"));
  const { sample } = await model.decode(of("latents"));
  const results = { latents: await latents.data(), indices: tokens.indices, decoded: await sample.data() };
  model.dispose();
  return results;
}

for (const folder of folders) {
  const tensor = await readTensors(`${folder}/io.safetensors`);
  const one = await compute(folder, tensor, 1);
  checkClose(one.latents, tensor("latents"), 3e-5, "latents");
  checkClose(one.decoded, tensor("decoded"), 1e-4, "decoded");
  const [indices, margin] = [tensor("indices").data, tensor("margin").data];
  assert.equal(one.indices.length, indices.length);
  one.indices.forEach((index, i) => assert(index === indices[i] || margin[i] <= 1e-4, `index ${index} at ${i}`));
  assert.deepEqual(await compute(folder, tensor, 2), one);
  // deno-lint-ignore no-console
  console.log(`${basename(folder)}: ${indices.length} tokens`);
}
