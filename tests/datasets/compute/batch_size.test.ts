/** The size of batches that is chosen by measuring the first ones. */
import { assertEquals } from "@std/assert";
import { batchSizes } from "../../../datasets/compute/batch_size.ts";
import type { VQModel } from "../../../mod.ts";

const SHAPE = [3, 16, 16];

/** As much of a model as is asked. */
function modelOf({ activations = 1, ...rest }: { activations?: number; device?: string; memoryLimit?: number }) {
  return { device: "wasm", memory: () => ({ activations }), ...rest } as unknown as VQModel;
}

/** The sizes of the first batches, each of which takes as many milliseconds as `timeOf` says. */
function sizesOf(models: readonly VQModel[], timeOf: (size: number, isFirst: boolean) => number, wanted?: number) {
  const sizes = batchSizes(models[0], "tokenize", wanted);
  const { now } = performance;
  const seen = new Map(models.map((model) => [model, new Set<number>()]));
  const taken: number[] = [];
  let time = 0;
  performance.now = () => time;
  try {
    for (let i = 0; i < 40; i++) {
      const model = models[i % models.length];
      const size = sizes.of(SHAPE);
      const done = sizes.start(model, SHAPE, size);
      time += timeOf(size, !seen.get(model)!.has(size));
      seen.get(model)!.add(size);
      done();
      taken.push(size);
    }
  } finally {
    performance.now = now;
  }
  return { taken, chosen: sizes.chosen() };
}

Deno.test("on a CPU, batches of 1 and 4 are measured, and the faster size is used", () => {
  for (const models of [[modelOf({})], [modelOf({}), modelOf({})]]) {
    const few = sizesOf(models, (size, isFirst) => isFirst ? 1000 : 10 * size);
    assertEquals([few.chosen, few.taken.includes(4), few.taken.slice(-20)], [1, true, Array(20).fill(1)]);
    const many = sizesOf(models, (size, isFirst) => isFirst ? 1000 : 5 + 5 * size);
    assertEquals([many.chosen, many.taken.slice(0, 4), many.taken.slice(-20)], [4, [1, 1, 1, 1], Array(20).fill(4)]);
  }
});

Deno.test("batches are as large as was asked, as memory allows, and as a GPU wants", () => {
  const chosen = (model: VQModel, wanted?: number) => sizesOf([model], () => 1, wanted);
  assertEquals(chosen(modelOf({}), 3), { taken: Array(40).fill(3), chosen: 3 });
  assertEquals(chosen(modelOf({ device: "webgpu" })), { taken: Array(40).fill(8), chosen: 8 });
  assertEquals(chosen(modelOf({ activations: 2 ** 31 })), { taken: Array(40).fill(1), chosen: 1 });
  assertEquals(chosen(modelOf({ memoryLimit: 1e8 })), { taken: Array(40).fill(1), chosen: 1 });
  assertEquals(new Set(chosen(modelOf({ activations: 2 ** 30 })).taken), new Set([1, 2]));
});
