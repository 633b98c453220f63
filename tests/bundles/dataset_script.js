/**
 * What data sets become in every format, the same on every runtime: `dataset_script.js DIST MODEL OUTPUT URL INPUT…`, or
 * `processDatasets` with the modules. Run by datasets.test.ts.
 */
import assert from "node:assert/strict";
import { createReadStream, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const FORMATS = ["tar", "parquet", "jsonl", "npy", "npz", "safetensors"];

/** Tokenizes pictures in all formats, reads them, makes pictures of them, and writes all of that to a folder. */
export async function processDatasets({ VQModel }, datasets, { model: path, output, url, inputs }) {
  const model = await VQModel.fromPretrained(path, { device: "wasm", threads: 2 });
  const at = (name) => join(output, name);
  const options = { height: 32, width: 48, crop: "center" };
  const sources = { all: [...inputs, url] };
  const source = await datasets.openSource(sources.all, { shardSize: 3 });
  const { shards, unread } = await datasets.tokenizeDataset(model, source, datasets.folderSink(at("shards")), options);
  assert.deepEqual(unread, undefined);
  const files = shards.map(({ name }) => at(`shards/${name}`));

  for (const format of FORMATS) {
    const file = at(`tokens.${format}`);
    await datasets.tokenizeDataset(model, source, datasets.fileSink(file, { format }), options);
    const { problems } = await datasets.verifyTokenSet(file, { codes: 1024, grid: [8, 12] });
    assert.deepEqual(problems, []);
    for (const from of [file, readFileSync(file), createReadStream(file)]) {
      let count = 0;
      for await (const { indices } of datasets.decodeRecords(from, { format, grid: [8, 12] })) count += indices.length;
      assert.equal(count, shards.reduce((sum, { tokens }) => sum + tokens, 0));
    }
    await datasets.mergeTokens(files, at(`merged.${format}`), { format });
  }

  const set = await datasets.openTokenSet(at("shards"));
  writeFileSync(at("usage.svg"), datasets.usagePlot(await datasets.tokenStatistics(set.records(), 1024)));
  const tokens = FORMATS.map((format) => at(`tokens.${format}`));
  await datasets.detokenizeFiles(model, tokens, datasets.pictureFolder(at("pictures")), { grid: [8, 12] });
  await datasets.detokenizeFiles(model, [at("shards")], datasets.pictureArchive(at("pictures.tar")));

  const aborted = { signal: AbortSignal.abort(new Error("aborted")) };
  const again = datasets.tokenizeDataset(model, source, datasets.folderSink(at("aborted")), { ...options, ...aborted });
  await assert.rejects(again, { message: "aborted" });
  assert(!readdirSync(output).includes("aborted"));
  model.dispose();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [dist, model, output, url, ...inputs] = process.argv.slice(2);
  const [library, datasets] = [await import(`${dist}/mod.js`), await import(`${dist}/datasets/mod.js`)];
  await processDatasets(library, datasets, { model, output, url, inputs });
}
