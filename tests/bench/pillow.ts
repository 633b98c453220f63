/** Pillow in a process of its own: reads picture files as a script does that prepares them for a model. */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const SCRIPT = `
import json, sys, time
import numpy
from PIL import Image
print("ready", flush=True)
for line in sys.stdin:
    names = json.loads(line)
    start = time.perf_counter()
    for name in names:
        picture = Image.open(name).convert("RGB").resize((256, 256), Image.LANCZOS)
        numpy.asarray(picture, dtype=numpy.float32).transpose(2, 0, 1) / 127.5 - 1
    print(1000 * (time.perf_counter() - start), flush=True)
`;

/** A process with Pillow. */
export interface Pillow extends AsyncDisposable {
  /** Reads pictures one after another; returns the milliseconds it took. */
  read(names: readonly string[]): Promise<number>;
}

/** Starts Python with Debian's Pillow and numpy. */
export async function startPillow(): Promise<Pillow> {
  const python = new Deno.Command("/usr/bin/python3", { args: ["-c", SCRIPT], stdin: "piped", stdout: "piped" })
    .spawn();
  const lines = createInterface({ input: Readable.fromWeb(python.stdout) })[Symbol.asyncIterator]();
  const orders = python.stdin.getWriter();
  await lines.next();
  return {
    async read(names) {
      await orders.write(new TextEncoder().encode(`${JSON.stringify(names)}\n`));
      return Number((await lines.next()).value);
    },
    async [Symbol.asyncDispose]() {
      await orders.close();
      await python.status;
    },
  };
}
