// deno-lint-ignore-file no-console -- it prints a report
/**
 * 3x3 convolutions on the CPU engine: GFLOP/s as if computed directly, beside what the processor can multiply and add.
 *
 *     deno task bench:wasm [threads]
 */
import { Graph, Tensor } from "../../kernels/mod.ts";
import { createWasmBackend } from "../../kernels/wasm/mod.ts";
import { vectorsAreWide } from "../../kernels/wasm/threads/revectorize.ts";
import { measureFmaPeak } from "./fma_peak.ts";

interface Shape {
  in: number;
  out: number;
  side: number;
  kernel?: 1 | 3;
  stride?: 1 | 2;
  upsample?: boolean;
}

const SHAPES: Shape[] = [
  { in: 256, out: 256, side: 64 },
  { in: 128, out: 128, side: 128 },
  { in: 512, out: 512, side: 32 },
  { in: 768, out: 768, side: 16 },
  { in: 128, out: 128, side: 256 },
  { in: 64, out: 64, side: 256 },
  { in: 256, out: 256, side: 64, upsample: true },
  { in: 512, out: 512, side: 64, kernel: 1 },
  { in: 128, out: 128, side: 256, stride: 2 },
  { in: 3, out: 128, side: 256 },
  { in: 128, out: 3, side: 256 },
];

const threads = Number(Deno.args[0] ?? navigator.hardwareConcurrency);
const peak = measureFmaPeak();
const width = await vectorsAreWide() ? 256 : 128;
console.log(`peak of one thread: ${peak.toFixed(1)} GFLOP/s; ${threads} threads, vectors of ${width} bits`);
const backend = await createWasmBackend({ threads });

function noise(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, () => Math.random() * 2 - 1);
}

for (const { in: ins, out, side, kernel = 3, stride = 1, upsample = false } of SHAPES) {
  const weights = { kind: "conv", name: "conv", in: ins, out, kernel, stride } as const;
  await backend.setParameter(weights, noise(out * ins * kernel ** 2), noise(out));
  const graph = new Graph();
  const result = graph.conv2d(graph.input([1, ins, side, side]), weights, { upsample });
  graph.output(result);
  const program = await backend.compile(graph);
  const copy = new Graph();
  const input = copy.input([1, ins, side, side]);
  copy.output(input);
  using host = new Tensor(noise(ins * side * side), [1, ins, side, side]);
  const [x] = await (await backend.compile(copy)).run([host]);

  let best = Infinity;
  for (const end = performance.now() + 1500; performance.now() < end;) {
    const start = performance.now();
    const [y] = await program.run([x]);
    best = Math.min(best, performance.now() - start);
    y.dispose();
  }
  x.dispose();
  program.dispose();
  const [, , height, width] = result.shape;
  const rate = 2 * ins * out * kernel ** 2 * height * width / best / 1e6;
  const name = `${ins}->${out} ${kernel}x${kernel} ${side}x${side}${stride === 2 ? " stride 2" : ""}${
    upsample ? " upsampled" : ""
  }`;
  console.log(
    `${name.padEnd(32)} ${best.toFixed(2).padStart(8)} ms ${rate.toFixed(0).padStart(5)} GFLOP/s ` +
      `${(rate / peak / threads).toFixed(2)} of the peak`,
  );
}
backend.dispose();
