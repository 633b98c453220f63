/** A worker of the fuzzer of which case 1 hangs and case 2 crashes; all others are read. */
import { createInterface } from "node:readline";
import process from "node:process";

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "1") { for (;;); }
  if (line === "2") throw new Error("broken");
  await Deno.stdout.write(new TextEncoder().encode('{"outcome":"read"}\n'));
}
