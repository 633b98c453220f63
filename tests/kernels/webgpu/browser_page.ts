/** A page's script that computes on WebGPU; opened by browser.test.ts. */
import { createBackend } from "../../../kernels/mod.ts";
import { network, picture, setParameters } from "../every_op.ts";

declare global {
  var everyOp: () => Promise<number[][]>;
}

/** The results of a network of every op. */
globalThis.everyOp = async () => {
  const backend = await createBackend("webgpu");
  await setParameters(backend);
  const program = await backend.compile(network());
  const results = await program.run([picture()]);
  return await Promise.all(results.map(async (result) => Array.from(await result.data())));
};
