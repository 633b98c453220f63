// deno-lint-ignore-file no-console
/** Prints the time in milliseconds and the peak memory in bytes that reading a token file takes in a new process. */
import { decodeTokens } from "../../../mod.ts";

const bytes = await Deno.readFile(Deno.args[0]);
await decodeTokens(new TextEncoder().encode("[[1, 2], [3, 4]]")); // what the first call alone takes
const held = await mostMemory();
const started = performance.now();
const message = await decodeTokens(bytes).then(() => "", (error) => error.message);
const milliseconds = performance.now() - started;
console.log(JSON.stringify({ message, milliseconds, bytes: await mostMemory() - held }));

/** Peak memory of the process; current memory where the system does not report the peak. */
async function mostMemory(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
  return kilobytes === undefined ? Deno.memoryUsage().rss : 1024 * Number(kilobytes);
}
