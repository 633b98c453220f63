/**
 * What data sets become in every format, the same on every runtime: `dataset_script.js DIST MODEL OUTPUT INPUT…`, or
 * `processDatasets` with the modules. Run by datasets.test.ts.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const FORMATS = ["tar", "parquet", "jsonl", "npy", "npz", "safetensors"];
const GRID = [8, 12];

/** Tokenizes all inputs to a folder, and the first in all formats; reads the tokens, and makes pictures of them. */
export async function processDatasets({ VQModel }, datasets, { model: path, output, inputs }) {
  const model = await VQModel.fromPretrained(path, { device: "wasm", threads: 2 });
  const at = (name) => join(output, name);
  const options = { height: 32, width: 48, resizeMode: "fill" };
  const source = await datasets.openSource(inputs, { shardSize: 2 });
  const manifest = await datasets.tokenizeDataset(model, source, datasets.folderSink(at("shards")), options);
  assert.equal(manifest.unread, undefined);
  assert.deepEqual(manifest.shards.filter(({ failures, pictures }) => failures > 0 || pictures === 0), []);

  const shardFiles = manifest.shards.map(({ name }) => at(`shards/${name}`));
  const first = await datasets.openSource([inputs[0]]);
  for (const format of FORMATS) {
    const file = at(`tokens.${format}`);
    const { shards } = await datasets.tokenizeDataset(model, first, datasets.fileSink(file, { format }), options);
    const { problems } = await datasets.verifyTokenSet(file, { codes: 1024, grid: GRID });
    assert.deepEqual(problems, []);
    for (const from of [file, readFileSync(file), createReadStream(file)]) {
      let tokens = 0;
      for await (const { indices } of datasets.decodeRecords(from, { format, grid: GRID })) tokens += indices.length;
      assert.equal(tokens, shards[0].tokens);
    }
    await datasets.mergeTokens(shardFiles, at(`merged.${format}`), { format });
  }

  const set = await datasets.openTokenSet(at("shards"));
  writeFileSync(at("usage.svg"), datasets.usagePlot(await datasets.tokenStatistics(set.records(), 1024)));
  const pixels = createHash("sha256");
  for await (const { picture } of datasets.detokenizeDataset(model, set.records())) pixels.update(picture.data);
  writeFileSync(at("pixels.txt"), pixels.digest("hex"));
  const files = ["npz", "parquet"].map((format) => at(`tokens.${format}`));
  await datasets.detokenizeFiles(model, files, datasets.pictureFolder(at("pictures")), { grid: GRID });
  await datasets.detokenizeFiles(model, [at("tokens.tar")], datasets.pictureArchive(at("pictures.tar")));

  const signal = AbortSignal.abort(new Error("aborted"));
  const aborted = datasets.tokenizeDataset(model, source, datasets.folderSink(at("aborted")), { ...options, signal });
  await assert.rejects(aborted, { message: "aborted" });
  assert(!readdirSync(output).includes("aborted"));
  model.dispose();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [dist, model, output, ...inputs] = process.argv.slice(2);
  const [library, datasets] = [await import(`${dist}/mod.js`), await import(`${dist}/datasets/mod.js`)];
  await processDatasets(library, datasets, { model, output, inputs });
}
