/** A worker as a process: `worker.ts ADDRESS NAME FOLDER`. Its jobs take as many seconds as their values say. */
import { openQueue, parseQueueAddress } from "../../../datasets/mod.ts";

const [address, worker, folder] = Deno.args;
await using queue = await openQueue(parseQueueAddress(address));
await queue.work(async ({ id, value }) => {
  await Deno.writeTextFile(`${folder}/${worker}.started`, `${id}\n`, { append: true });
  // Blocks the thread, as computing may.
  for (const end = performance.now() + 1000 * (value as number); performance.now() < end;);
  await Deno.writeTextFile(`${folder}/${worker}.done`, `${id}\n`, { append: true });
  return 1;
}, { worker });
