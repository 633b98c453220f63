// deno-lint-ignore-file no-console -- it prints a report
/**
 * Tokenizing data sets of 256×256 JPEG files, beside the bare model on pictures that are in memory, and beside a Python script:
 * Pillow reads the pictures, and ONNX Runtime computes (onnxruntime-node stands in for Python's).
 *
 *     deno task bench:datasets [--models=leaves-f4,amused] [--pictures=1000,32] [--rounds=5] [--folder=DIR]
 *
 * The pictures are divided among the rounds, in each of which all contenders take their turn with the same ones. Ratios are
 * medians of the rounds. `DIR` keeps the pictures and models for the next time.
 */
import { join } from "@std/path";
import { loadEngines } from "../../cli/datasets/engines.ts";
import { describeChoice, describeUse } from "../../cli/datasets/progress.ts";
import { type Engines, folderSink, openSource, tokenizeDataset } from "../../datasets/mod.ts";
import { ImageProcessor, type Tensor, VQModel } from "../../mod.ts";
import { openLocalModel } from "../../hub/mod.ts";
import { parseConfig } from "../../model/architecture/config.ts";
import { repository } from "../support/paths.ts";
import { medianRatio, onnx, option, type Pass, passesOf, tokenizerOf } from "./models.ts";
import { startPillow } from "./pillow.ts";
import { describeHost, hostLine } from "./processes/host.ts";
import { storeModel } from "./processes/stored_models.ts";

const SIDE = 256;
/** Batches that are tried. */
const BATCHES = [1, 2, 4];
/** Pictures that a contender computes to find its best batch. */
const TRIAL = 8;

/** Writes crops of the bundled picture as JPEG files. */
async function writePictures(folder: string, count: number): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const { width, height, data } = await stillLife();
  const names = Array.from({ length: count }, (_, i) => join(folder, `${i}.jpg`.padStart(9, "0")));
  const { Picture } = await import("../../mod.ts");
  for (const [i, name] of names.entries()) {
    if (await Deno.stat(name).catch(() => undefined)) continue;
    const [left, top] = [i * 37 % (width - SIDE), i * 53 % (height - SIDE)];
    const pixels = new Uint8ClampedArray(4 * SIDE * SIDE);
    for (let y = 0; y < SIDE; y++) {
      const from = 4 * ((top + y) * width + left);
      pixels.set(data.subarray(from, from + 4 * SIDE), 4 * SIDE * y);
    }
    await new Picture(SIDE, SIDE, pixels).save(name);
  }
  return names;
}

async function stillLife() {
  const { decodePicture } = await import("../../mod.ts");
  return await decodePicture(await Deno.readFile(repository("examples/images/still-life.png")));
}

/** A model's directory, and its pass from pictures to tokens for ONNX Runtime. */
async function prepare(model: string, folder: string): Promise<{ directory: string; pass: (batch: number) => Pass }> {
  if (model !== "leaves-f4") {
    const pass = (batch: number) => passesOf(model, SIDE, batch).find(({ name }) => name === "tokenize")!;
    return { directory: (await storeModel(folder, model, SIDE)).directory, pass };
  }
  const directory = repository(`examples/models/${model}`);
  const { config, weights } = await openLocalModel(directory);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  for (const name of weights.tensors.keys()) tensors.set(name, await weights.read(name) as Float32Array<ArrayBuffer>);
  await weights.close();
  const values = (name: string) => ({
    weight: tensors.get(`${name}.weight`)!,
    bias: tensors.get(`${name}.bias`) ?? new Float32Array(),
  });
  return { directory, pass: (batch) => tokenizerOf(model, parseConfig(config).config, values, SIDE, batch) };
}

type Run = (names: readonly string[]) => Promise<number>;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

/** Computes tensors that are in memory on some engines at once. */
async function computeBare(models: readonly VQModel[], tensors: readonly Tensor[]): Promise<number> {
  let next = 0;
  return await timed(() =>
    Promise.all(models.map(async (model) => {
      while (next < tensors.length) await model.tokenize(tensors[next++]);
    }))
  );
}

/** The bare model: with the engines and the batch that are best. */
async function bare(models: readonly VQModel[]): Promise<{ label: string; run: Run }> {
  const processor = ImageProcessor.for(models[0]);
  const tensorsOf = async (names: readonly string[], batch: number) => {
    const starts = Array.from({ length: Math.ceil(names.length / batch) }, (_, i) => i * batch);
    return await Promise.all(starts.map((start) => processor.preprocess(names.slice(start, start + batch))));
  };
  const still = await stillLife();
  const trial = await processor.preprocess(still, { height: SIDE, width: SIDE });
  const [picture] = await processor.postprocess(trial);
  const choices: { time: number; engines: VQModel[]; batch: number }[] = [];
  for (const engines of [[models[0]], [...models]]) {
    for (const batch of BATCHES) {
      const tensor = await processor.preprocess(Array.from({ length: batch }, () => picture));
      const tensors = Array.from({ length: TRIAL / batch }, () => tensor);
      await computeBare(engines, tensors.slice(0, engines.length));
      choices.push({ time: await computeBare(engines, tensors), engines, batch });
    }
  }
  const { engines, batch } = choices.reduce((best, choice) => choice.time < best.time ? choice : best);
  return {
    label: `bare model, ${engines.length === 1 ? "one engine" : "two engines"}, batch ${batch}`,
    run: async (names) => await computeBare(engines, await tensorsOf(names, batch)),
  };
}

/** The batch that the last data set was computed in. */
let chosenBatch: number | undefined;

async function dataset(engines: VQModel | Engines, names: readonly string[]): Promise<number> {
  const onProgress = ({ batch }: { batch?: number }) => void (chosenBatch = batch);
  const out = await Deno.makeTempDir();
  try {
    return await timed(async () => tokenizeDataset(engines, await openSource(names), folderSink(out), { onProgress }));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** ONNX Runtime with the batch that is best. */
async function onnxRuntime(pass: (batch: number) => Pass): Promise<{ label: string; run: Run }> {
  const node = await import("npm:onnxruntime-node@1.30.0");
  const options = { intraOpNumThreads: navigator.hardwareConcurrency, executionProviders: ["cpu"] };
  const choices = [];
  for (const batch of BATCHES) {
    const { x, ...network } = pass(batch);
    const { run } = await onnx("onnxruntime-node", node.default ?? node, network, options);
    await run(x);
    const compute = (count: number) =>
      timed(async () => {
        for (let done = 0; done < count; done += batch) await run(x);
      });
    choices.push({ batch, compute, time: await compute(TRIAL) });
  }
  const { batch, compute } = choices.reduce((best, choice) => choice.time < best.time ? choice : best);
  return { label: `ONNX Runtime, batch ${batch}`, run: (names) => compute(names.length) };
}

async function compare(model: string, count: number, rounds: number, folder: string): Promise<void> {
  const names = await writePictures(join(folder, "pictures"), count);
  const { directory, pass } = await prepare(model, folder);
  const models = [await VQModel.fromPretrained(directory, { device: "wasm" })];
  models.push(await VQModel.fromPretrained(directory, { device: "wasm" }));
  using engines = await loadEngines(directory, { device: "wasm" }, { only: "encoder", side: SIDE });
  const alone = await bare(models);
  const runtime = await onnxRuntime(pass);
  await using pillow = await startPillow();
  const times = { dataset: [] as number[], one: [] as number[], bare: [] as number[], python: [] as number[] };
  await dataset(engines, names.slice(0, TRIAL));
  for (let round = 0; round < rounds; round++) {
    const part = names.slice(Math.floor(round * count / rounds), Math.floor((round + 1) * count / rounds));
    times.bare.push(await alone.run(part) / part.length);
    times.dataset.push(await dataset(engines, part) / part.length);
    times.one.push(await dataset(models[0], part) / part.length);
    times.python.push((await pillow.read(part) + await runtime.run(part)) / part.length);
  }
  const best = (values: number[]) => `${(1000 / Math.min(...values)).toFixed(1)} pictures/s at best`;
  const ratio = (values: number[]) => medianRatio(times.dataset, values).toFixed(2);
  console.log(`${model}, ${count} pictures of ${SIDE}×${SIDE} in ${rounds} rounds`);
  const chosen = describeUse(engines.use);
  console.log(`  tokenizeDataset, at last ${chosen}, batch ${chosenBatch ?? 1}: ${best(times.dataset)}`);
  if (engines.use.choice === "measured") console.log(`  ${describeChoice(engines.use)}`);
  console.log(`  ${alone.label}: ${best(times.bare)}; the data set has ${ratio(times.bare)} of its rate`);
  console.log(`  tokenizeDataset, one engine: ${best(times.one)}; those above are ${ratio(times.one)} times as fast`);
  console.log(
    `  Pillow, then ${runtime.label}: ${best(times.python)}; the data set is ${ratio(times.python)} times as fast`,
  );
  for (const model of models) model.dispose();
}

console.log(hostLine(await describeHost()));
const kept = option("folder", "");
const folder = kept || await Deno.makeTempDir();
const counts = option("pictures", "1000,32").split(",").map(Number);
for (const [i, model] of option("models", "leaves-f4,amused").split(",").entries()) {
  await compare(model, counts[i] ?? counts[0], Number(option("rounds", "5")), folder);
}
if (!kept) await Deno.remove(folder, { recursive: true });
Deno.exit(); // picture workers are idle
