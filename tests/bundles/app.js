/** An application that uses the package: apps.test.ts bundles it, and runs it in Node and in a browser. */
import { ImageProcessor, Tensor, VQModel } from "@codebook/vqmodel";

/** What a page or a script calls: computes a golden's tokens, and decodes pictures. */
globalThis.run = async ({ weights, config, sample, pictures, ...options }) => {
  const model = await VQModel.fromSingleFile(weights, { config, ...options });
  const input = new Tensor(Float32Array.from(sample.data), sample.shape);
  const { indices, shape } = await model.tokenize(input);
  const decoded = await model.detokenize({ indices, shape });
  const [picture] = await ImageProcessor.for(model).postprocess(decoded);
  const { device, threads } = model;
  model.dispose();

  const processor = new ImageProcessor();
  const read = pictures.map(async (source) =>
    (await (await processor.preprocess(source)).data()).reduce((a, b) => a + b)
  );
  return { device, threads, indices: [...indices], bytes: picture.encode("png").length, sums: await Promise.all(read) };
};
