/** A page's script that computes on WebGPU and sends the results to its server; run by browser.test.ts. */
import { createBackend } from "../../../kernels/mod.ts";
import { network, picture, setParameters } from "../every_op.ts";

async function compute(): Promise<unknown> {
  const backend = await createBackend("webgpu");
  await setParameters(backend);
  const program = await backend.compile(network());
  const results = await program.run([picture()]);
  return await Promise.all(results.map(async (result) => Array.from(await result.data())));
}

const body = JSON.stringify(await compute().catch(String));
await fetch("/results", { method: "POST", body });
