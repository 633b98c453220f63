// deno-lint-ignore-file no-console
/**
 * A picture, its tokens, and the picture they decode to, side by side.
 *
 *     deno task demo [PICTURE] [OUTPUT.png]
 */
import { describeReconstruction, ImageProcessor, sideBySide, tokenMap, VQModel } from "../mod.ts";

const MODEL = new URL("models/leaves-f4", import.meta.url);
const EXAMPLE = [new URL("images/still-life.png", import.meta.url), new URL("demo.png", import.meta.url)];
const [picture, output] = Deno.args.length > 0 ? [Deno.args[0], Deno.args[1] ?? "demo.png"] : EXAMPLE;

const start = performance.now();
using model = await VQModel.fromPretrained(MODEL);
const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
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
