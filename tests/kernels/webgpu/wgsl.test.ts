/**
 * Compares the WGSL of every kernel variant with snapshots, so that a changed kernel shows in a diff. Matrix products use a
 * small tile; those in other tiles only have more lines of the same kind. Needs no adapter.
 *
 * `deno task test:update` writes the snapshots anew.
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  type Activation,
  type ConvParameter,
  Graph,
  parametersOf,
  Pixels,
  readPixels,
  sizesOf,
  Tensor,
} from "../../../kernels/mod.ts";
import { createWebGpuBackend, type WebGpuOptions } from "../../../kernels/webgpu/mod.ts";
import type { Kernel } from "../../../kernels/webgpu/shader/pipeline.ts";
import { SOFTWARE } from "../../../kernels/webgpu/shader/tiles.ts";
import { compareSnapshots } from "./snapshot_files.ts";
import { recordingDevice } from "./recording_device.ts";

const SNAPSHOTS = fromFileUrl(new URL("snapshots", import.meta.url));
const TUNING = {
  ...SOFTWARE,
  tiles: [{ rows: 2, columns: 2, lanesX: 8, lanesY: 1 }],
  thinTile: { rows: 2, columns: 1, lanesX: 4, lanesY: 1 },
  scratchBytes: 40 << 10, // keys in several blocks
} as const;

const conv = (out: number, kernel: 1 | 3 = 3, stride: 1 | 2 = 1): ConvParameter => {
  return { kind: "conv", name: `${kernel}×${kernel} to ${out} at ${stride}`, in: 16, out, kernel, stride };
};
const NORM = { kind: "norm", name: "norm", channels: 16 } as const;
const CODES = { kind: "codebook", name: "codes", codes: 8, channels: 16 } as const;
const ACTIVATIONS: (Activation | undefined)[] = [undefined, "relu", "silu", "gelu", "mish"];

/** A graph with every op in every variant, from pixels to pixels. */
function everyVariant(): Graph {
  const graph = new Graph();
  const picture = graph.conv2d(graph.pixels([1, 3, 8, 8], "unit"), { ...conv(16), name: "from pixels", in: 3 });
  let h = graph.conv2d(graph.conv2d(graph.input([1, 16, 8, 8]), conv(16)), conv(16), { residual: picture });
  for (const activation of ACTIVATIONS) {
    const options = { groups: 4, epsilon: 1e-6, activation };
    h = graph.groupNorm(h, NORM, options);
    h = graph.groupNorm(h, NORM, { ...options, modulation: { scale: picture, shift: h } });
  }
  const up = graph.conv2d(h, conv(16), { upsample: true });
  const upTwice = graph.conv2d(h, conv(16), { upsample: true, residual: up });
  const down = graph.conv2d(graph.attention(upTwice, up, upTwice), conv(16, 3, 2));
  const placed = graph.place(undefined, graph.rows(down, 0, [0, 2]), { shape: down.shape, image: 0, first: 0 });
  const thin = graph.conv2d(placed, conv(3));
  const thinToo = graph.conv2d(placed, conv(3), { residual: thin });
  const latents = graph.conv2d(graph.conv2d(down, conv(16, 1)), conv(16, 1), { residual: down });
  const indices = graph.nearestCode(latents, CODES);
  const codes = graph.lookup(indices, CODES);
  graph.output(thinToo);
  graph.output(indices);
  graph.output(graph.nearestCode(latents, CODES, 0, "product"));
  graph.output(graph.nearestCode(latents, CODES, 0, "distance", true));
  const both = graph.nearestCode(latents, CODES, 0, "product", true);
  graph.output(graph.codeMargin(latents, both, graph.lookup(both, CODES)));
  graph.output(graph.straightThrough(latents, codes));
  graph.output(graph.squaredError(latents, codes, 1.25));
  return graph;
}

/** Compiles the graph, and reads a result as pixels. */
async function kernelsOf(options: WebGpuOptions): Promise<Kernel[]> {
  const { device, kernels } = recordingDevice();
  const backend = await createWebGpuBackend({ ...options, device, tuning: TUNING });
  const graph = everyVariant();
  for (const layer of parametersOf(graph)) {
    const [weights, biases] = sizesOf(layer);
    await backend.setParameter(layer, new Float32Array(weights), new Float32Array(biases));
  }
  const program = await backend.compile(graph);
  const inputs = [
    new Tensor(new Pixels(new Uint8ClampedArray(4 * 64), [1, 3, 8, 8], "unit"), [1, 3, 8, 8], "float32"),
    new Tensor(new Float32Array(16 * 64), [1, 16, 8, 8]),
  ];
  const [picture] = await program.run(inputs);
  await readPixels(picture, "unit");
  backend.dispose();
  return kernels;
}

function fileOf({ label, source }: Kernel): string {
  const elements = [...source.matchAll(/^alias (\w+) = (f\d+);$/gm)].filter(([, , element]) => element === "f16");
  const narrow = elements.map(([, alias]) => alias.toLowerCase());
  return [label, ...narrow.length > 0 ? [`f16 ${narrow.join(" ")}`] : []]
    .map((part) => part.replaceAll("×", "x").replace(/\W+/g, "_").replace(/_$/, "")).join(".") + ".wgsl.snap";
}

Deno.test("the kernels are those of the snapshots", async () => {
  const texts = new Map<string, string>();
  const algorithms = [
    { algorithm: "winograd", weights: "fast" },
    { algorithm: "winograd", weights: "compact" },
    { algorithm: "implicitGemm" },
  ] as const;
  for (const dtype of ["float32", "float16"] as const) {
    for (const options of algorithms) {
      for (const kernel of await kernelsOf({ dtype, ...options })) {
        const file = fileOf(kernel);
        const text = `// ${kernel.label}, ${JSON.stringify(kernel.constants ?? {})}\n${kernel.source.trimEnd()}\n`;
        assertEquals(texts.get(file) ?? text, text, `two kernels with the label ${kernel.label}`);
        texts.set(file, text);
      }
    }
  }
  const changes = await compareSnapshots(SNAPSHOTS, texts);
  assertEquals(changes, [], `run \`deno task test:update\` if that is intended:\n${changes.join("\n")}`);
});
