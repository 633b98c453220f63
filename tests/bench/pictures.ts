// deno-lint-ignore-file no-console
/**
 * Reading and resizing pictures beside Pillow: 32 of 640×480 pixels to 256×256 by Lanczos, in turns.
 *
 *     deno task bench:pictures [--rounds=9]
 */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { ImageProcessor } from "../../mod.ts";
import { medianRatio } from "./models.ts";

const COUNT = 32;
const SCRIPT = `
import sys, time
from PIL import Image
folder = sys.argv[1]
still = Image.open(sys.argv[2]).convert("RGB")
names = {"jpeg": [f"{folder}/{i}.jpg" for i in range(${COUNT})], "png": [f"{folder}/{i}.png" for i in range(${COUNT})]}
for i in range(${COUNT}):
    picture = still.resize((640, 480), box=(i, i, 700 + i, 480 + i))
    picture.save(names["jpeg"][i], quality=90)
    picture.save(names["png"][i])
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for name in names[line.strip()]:
        Image.open(name).convert("RGB").resize((256, 256), Image.LANCZOS)
    print(1000 * (time.perf_counter() - start), flush=True)
`;

const rounds = Number(Deno.args.find((arg) => arg.startsWith("--rounds="))?.slice(9) ?? 9);
const folder = await Deno.makeTempDir();
const still = new URL("../../examples/images/still-life.png", import.meta.url).pathname;
const python = new Deno.Command("/usr/bin/python3", {
  args: ["-c", SCRIPT, folder, still],
  stdin: "piped",
  stdout: "piped",
}).spawn();
const lines = createInterface({ input: Readable.fromWeb(python.stdout) })[Symbol.asyncIterator]();
const orders = python.stdin.getWriter();
const processor = new ImageProcessor();

await lines.next();
console.log(`${COUNT} pictures of 640×480 to 256×256, decoded and resized; medians of ${rounds} rounds in turns\n`);
for (const [format, extension] of [["jpeg", "jpg"], ["png", "png"]]) {
  const names = Array.from({ length: COUNT }, (_, i) => `${folder}/${i}.${extension}`);
  const ours = async () => {
    const start = performance.now();
    await processor.preprocess(names, { height: 256, width: 256 });
    return performance.now() - start;
  };
  const first = await ours();
  const mine: number[] = [], theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    mine.push(await ours());
    await orders.write(new TextEncoder().encode(`${format}\n`));
    theirs.push(Number((await lines.next()).value));
  }
  const best = [mine, theirs].map((times) => `${Math.min(...times).toFixed(0)} ms`);
  console.log(
    `${format}: ${medianRatio(theirs, mine).toFixed(2)} of Pillow's time; at best ${best[0]} here, ${best[1]} there; ` +
      `the first call ${first.toFixed(0)} ms`,
  );
}
await orders.close();
await python.status;
await Deno.remove(folder, { recursive: true });
Deno.exit(); // workers are idle
