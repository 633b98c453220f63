// deno-lint-ignore-file no-console
/**
 * Tokenizes a picture, and writes the picture, its tokens in false colours, and its reconstruction side by side.
 *
 *     deno task demo [PICTURE] [OUTPUT.png]
 *
 * PICTURE is the path or URL of a picture file, which is turned upright by its EXIF orientation.
 */
import { resolve } from "node:path";
import { describeReconstruction, ImageProcessor, sideBySide, tokenMap, VQModel } from "../mod.ts";

const MODEL = new URL("models/leaves-f4", import.meta.url);
const EXAMPLE = [new URL("images/still-life.png", import.meta.url), new URL("demo.png", import.meta.url)];

async function demo(picture: string | URL, output: string | URL): Promise<void> {
  const start = performance.now();
  using model = await VQModel.fromPretrained(MODEL);
  const processor = ImageProcessor.for(model);
  using sample = await processor.preprocess(picture);
  const loaded = performance.now();

  const tokens = await model.tokenize(sample);
  using decoded = await model.detokenize(tokens);
  const [reconstruction] = await processor.postprocess(decoded);
  const computed = performance.now();

  const [original] = await processor.postprocess(sample);
  const [, height, width] = tokens.shape;
  const map = tokenMap(tokens.indices, [height, width]);
  const codes = model.config.num_vq_embeddings;
  const report = describeReconstruction(original, reconstruction, { tokens, codes });
  await sideBySide([original, map, reconstruction]).save(output);

  const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
  console.log(`
engine          ${model.device}, ${model.dtype}, ${(model.numParameters() / 1e6).toFixed(1)} M parameters
picture         ${original.width} × ${original.height}
token grid      ${width} × ${height}
tokens          ${report.tokens}
distinct codes  ${report.distinctCodes} of ${codes}
bits per pixel  ${report.bitsPerPixel.toFixed(2)}
PSNR            ${report.psnr.toFixed(2)} dB
time            ${seconds(loaded, computed)} to tokens and back, ${seconds(start, loaded)} to load model and picture

original | tokens | reconstruction: ${await Deno.realPath(output)}`);
}

/** Resolves a path from the caller's folder, INIT_CWD: `deno task` runs tasks in the folder of deno.json. */
function fromCaller(path: string): string {
  return URL.canParse(path) ? path : resolve(Deno.env.get("INIT_CWD") ?? "", path);
}

const [picture, output] = Deno.args.length > 0 ? [Deno.args[0], Deno.args[1] ?? "demo.png"].map(fromCaller) : EXAMPLE;
try {
  await demo(picture, output);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 1;
}
