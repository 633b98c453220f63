/** The types of the built package, in strict projects that also check libraries. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { installPackages } from "../../tools/bundling/packages.ts";
import { withFolder, writeFiles } from "../support/folders.ts";
import { outputOf, start } from "../support/processes.ts";
import { buildDist } from "./dist.ts";

const APP = `
import { ImageProcessor, type Picture, Tensor, type Tokens, VQModel } from "@codebook/vqmodel";
import { HubError, openSafetensors, sourceOfBytes } from "@codebook/vqmodel/hub";
import { type Backend, createBackend, Graph } from "@codebook/vqmodel/kernels";
import { codeSheet } from "@codebook/vqmodel/datasets";

export async function reconstruct(file: Uint8Array): Promise<Picture> {
  const model = await VQModel.fromPretrained("owner/name", { device: "auto", onProgress: ({ status }) => status.length });
  const sample: Tensor = await ImageProcessor.for(model).preprocess(file);
  const tokens: Tokens = await model.tokenize(sample);
  const threads: number = model.threads;
  model[Symbol.dispose]();
  const [picture] = await new ImageProcessor().postprocess(await model.detokenize(tokens));
  if (picture === undefined || threads < 1) throw new HubError("no picture");
  return picture;
}

export const backend: Promise<Backend> = createBackend("wasm", { threads: 2 });
export const graph = new Graph();
export const weights = openSafetensors(sourceOfBytes(new Uint8Array(8), "x.safetensors"));
export const dataset: Function = codeSheet;

// @ts-expect-error: unknown options are refused
export const misspelt = VQModel.fromPretrained("owner/name", { thread: 2 });
// @ts-expect-error: a device is one of three names, or a GPUDevice
export const unknown = VQModel.fromPretrained("owner/name", { device: {} });
`;

/** What projects have, beside strict checks of everything. */
const PROJECTS: Record<string, { options: Record<string, unknown>; packages?: Record<string, string> }> = {
  "of a browser, for a bundler": { options: { module: "esnext", moduleResolution: "bundler", types: [] } },
  "of a browser with WebGPU's types": {
    options: { module: "esnext", moduleResolution: "bundler", types: ["@webgpu/types"] },
    packages: { "@webgpu/types": "0.1.74" },
  },
  "of Node": {
    options: { module: "nodenext", moduleResolution: "nodenext", lib: ["es2022"], types: ["node"] },
    packages: { "@types/node": "20.19.0" },
  },
};

for (const [name, { options, packages = {} }] of Object.entries(PROJECTS)) {
  Deno.test(`the built package has right types in a project ${name}`, async () => {
    const dist = await buildDist();
    await withFolder(async (folder) => {
      const modules = await installPackages(folder, { typescript: "5.9.3", ...packages });
      await Deno.mkdir(join(modules, "@codebook"));
      await Deno.symlink(dist, join(modules, "@codebook/vqmodel"));
      const strict = {
        strict: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
        target: "es2022",
      };
      const compilerOptions = { ...strict, ...options };
      const config = { compilerOptions, files: ["app.ts"] };
      await writeFiles(folder, { "app.ts": APP, "tsconfig.json": JSON.stringify(config) });
      await writeFiles(folder, { "package.json": '{ "type": "module" }' });
      const tsc = start("node", [join(modules, "typescript/bin/tsc"), "-p", folder]);
      assertEquals((await outputOf(tsc)).stdout, "");
    });
  });
}
