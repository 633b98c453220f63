/**
 * Loads a model from a Hub with a built package, twice, the second time without network, saves it, and pushes it:
 * `hub_script.js MODULE URL FOLDER`. Run by node.test.ts in Node. Prints the numbers of parameters and the commit.
 */
import assert from "node:assert/strict";
import process from "node:process";

const [module, hubUrl, folder] = process.argv.slice(2);
const { VQModel } = await import(module);

const options = { hubUrl, token: "hf_good", cacheDir: `${folder}/cache`, device: "wasm", threads: 1 };
const files = [];
const onProgress = ({ status, file }) => status === "done" && files.push(file);
const model = await VQModel.fromPretrained("owner/name", { ...options, onProgress });
assert.deepEqual(files.sort(), ["config.json", "diffusion_pytorch_model.safetensors"]);
const cached = await VQModel.fromPretrained("owner/name", { ...options, localFilesOnly: true });
assert.equal(cached.commit, model.commit);

await model.savePretrained(`${folder}/saved`);
const saved = await VQModel.fromPretrained(`${folder}/saved`, options);
const { commit } = await model.pushToHub("owner/new", { hubUrl, token: "hf_good" });
const numbers = [model, cached, saved].map((model) => model.numParameters());
// deno-lint-ignore no-console
console.log(JSON.stringify({ numbers, commit }));
