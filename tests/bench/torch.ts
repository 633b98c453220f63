/** torch on the same network and weights, in a Python process of its own. */
import { parametersOf } from "../../kernels/mod.ts";
import { tensorsOf } from "../../model/engine/checkpoint.ts";
import type { Pass } from "./models.ts";

/** What `torch_models.py` measures of one way to compute. */
export interface TorchRun {
  readonly name: string;
  readonly ms: number;
  readonly firstMs: number;
  /** Of the ops alone, by the GPU's clock. */
  readonly opsMs: number | null;
  readonly peakBytes: number | null;
  readonly result: Float32Array;
}

/** Whether there is a Python whose torch has a GPU. */
export async function hasCudaTorch(): Promise<boolean> {
  return await python("-c", "import torch; assert torch.cuda.is_available()").then(() => true, () => false);
}

/** Computes a pass in float32; on a GPU also with TensorFloat-32 allowed, and in float16. */
export async function runTorch(pass: Pass, rounds: number): Promise<TorchRun[]> {
  const folder = await Deno.makeTempDir();
  try {
    await writePass(folder, pass);
    const runs = JSON.parse(await python(new URL("torch_models.py", import.meta.url).pathname, folder, `${rounds}`));
    const resultOf = async (name: string) => new Float32Array((await Deno.readFile(`${folder}/${name}.bin`)).buffer);
    return await Promise.all(runs.map(async (run: TorchRun) => ({ ...run, result: await resultOf(run.name) })));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writePass(folder: string, { graph, values, x }: Pass): Promise<void> {
  const parameters = parametersOf(graph);
  const layers = Object.fromEntries(
    parameters.map((layer) => [layer.name, tensorsOf(layer).map(([, shape]) => shape)]),
  );
  const description = { nodes: graph.nodes, result: graph.outputs[0], layers };
  await Deno.writeTextFile(`${folder}/graph.json`, JSON.stringify(description, operandsAsIds));
  await Deno.writeFile(`${folder}/x.bin`, new Uint8Array(x.buffer));
  using weights = await Deno.open(`${folder}/weights.bin`, { write: true, create: true });
  for (const { name } of parameters) {
    const { weight, bias } = values(name);
    for (const { buffer, byteOffset, byteLength } of [weight, bias]) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      for (let done = 0; done < bytes.length;) done += await weights.write(bytes.subarray(done));
    }
  }
}

/** For `JSON.stringify`: ops stand in a list, and elsewhere their numbers. */
function operandsAsIds(this: unknown, _key: string, value: { id?: number } | undefined): unknown {
  return Array.isArray(this) ? value : value?.id ?? value;
}

async function python(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("python3", { args }).output();
  if (!success) throw new Error(`python3 failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
