// deno-lint-ignore-file no-console
/** Prints what reading a token file costs a fresh process: milliseconds, and bytes of memory at most. */
import { decodeTokens } from "../../../mod.ts";

const bytes = await Deno.readFile(Deno.args[0]);
await decodeTokens(new TextEncoder().encode("[[1, 2], [3, 4]]")); // what the first call alone takes
const held = await mostMemory();
const started = performance.now();
const message = await decodeTokens(bytes).then(() => "", (error) => error.message);
const milliseconds = performance.now() - started;
console.log(JSON.stringify({ message, milliseconds, bytes: await mostMemory() - held }));

/** What the process has held at most; where the system does not say, what it holds. */
async function mostMemory(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
  return kilobytes === undefined ? Deno.memoryUsage().rss : 1024 * Number(kilobytes);
}
