// deno-lint-ignore-file no-console -- it prints a report
/**
 * Decoding after an edit of some tokens: only what they reach, beside the whole picture, in turns; and how much both
 * pictures differ.
 *
 *     deno task bench:partial [--models=leaves-f4,vq-f4] [--device=wasm] [--threads=2] [--grid=64x96] [--edit=8] [--rounds=5]
 *
 * Times are the least of the rounds, the ratio is the median of those of each round. leaves-f4 decodes tokens of the
 * bundled picture, of which a square becomes random, other architectures have generated weights and random tokens.
 * Differences are in shares of 1/255 of the range of pixels.
 */
import { ImageProcessor, type Tensor, type Tokens, VQModel } from "../../mod.ts";
import { generate, MemoryFiles } from "../model/models.ts";
import { loadReal } from "../support/golden.ts";
import { repository } from "../support/paths.ts";
import { loadRecipe } from "../support/synthetic.ts";
import { medianRatio, option } from "./models.ts";

const [height, width] = option("grid", "64x96").split("x").map(Number);
const edit = Number(option("edit", "8"));
const rounds = Number(option("rounds", "5"));
const compute = {
  device: option("device", "wasm") as "wasm" | "webgpu",
  threads: Number(option("threads", String(navigator.hardwareConcurrency))),
};

async function openModel(name: string): Promise<VQModel> {
  if (name === "leaves-f4") return await VQModel.fromPretrained(repository("examples/models/leaves-f4"), compute);
  const { seed, gains, tensors } = loadRecipe(name);
  const shapes = Object.entries(tensors).map(([tensor, { shape }]) => [tensor, shape] as const);
  return await VQModel.fromFiles(
    new MemoryFiles(loadReal(name).config, generate(shapes, { seed, gains })).opener,
    compute,
  );
}

/** Tokens of part of the bundled picture, or random ones. */
async function tokensFor(name: string, model: VQModel): Promise<Tokens> {
  const codes = model.config.num_vq_embeddings;
  const random = Int32Array.from({ length: height * width }, () => Math.floor(Math.random() * codes));
  if (name !== "leaves-f4") return { indices: random, shape: [1, height, width] };
  const size = { height: height * model.downsamplingFactor, width: width * model.downsamplingFactor };
  const picture = await ImageProcessor.for(model).preprocess(repository("examples/images/still-life.png"), size);
  return await model.tokenize(picture);
}

/** Tokens of which a square at a random place is random. */
function edited({ indices, shape }: Tokens, codes: number) {
  const [y0, x0] = [height, width].map((side) => Math.floor(Math.random() * (side - edit + 1)));
  const copy = indices.slice();
  for (let i = 0; i < edit ** 2; i++) {
    copy[(y0 + Math.floor(i / edit)) * width + x0 + i % edit] = Math.floor(Math.random() * codes);
  }
  return { tokens: { indices: copy, shape }, changed: [y0, x0, y0 + edit, x0 + edit] as const };
}

async function timed(decode: () => Promise<Tensor>): Promise<[milliseconds: number, pixels: Float32Array]> {
  const started = performance.now();
  using picture = await decode();
  const pixels = await picture.data() as Float32Array;
  return [performance.now() - started, pixels];
}

for (const name of option("models", "leaves-f4,vq-f4").split(",")) {
  using model = await openModel(name);
  const tokens = await tokensFor(name, model);
  const previous = await model.detokenize(tokens, { editable: true });
  const times: [whole: number[], partial: number[]] = [[], []];
  let [most, squares, count] = [0, 0, 0];
  for (let round = 0; round <= rounds; round++) {
    const { tokens: after, changed } = edited(tokens, model.config.num_vq_embeddings);
    const [whole, expected] = await timed(() => model.detokenize(after));
    const [partial, actual] = await timed(() => model.detokenize(after, { changed, previous }));
    if (round === 0) continue; // compiles
    times[0].push(whole);
    times[1].push(partial);
    const unit = model.pixelRange === "signed" ? 127.5 : 255;
    for (let i = 0; i < actual.length; i++) {
      const difference = unit * Math.abs(actual[i] - expected[i]);
      most = Math.max(most, difference);
      squares += difference ** 2;
    }
    count += actual.length;
  }
  const [whole, partial] = times.map((list) => Math.min(...list).toFixed(0));
  console.log(
    `${name}, ${edit}×${edit} of ${height}×${width} tokens: whole ${whole} ms, partial ${partial} ms, ` +
      `${medianRatio(times[1], times[0]).toFixed(2)} times as fast; ` +
      `differ by at most ${most.toFixed(2)}, rms ${Math.sqrt(squares / count).toFixed(3)}`,
  );
}
