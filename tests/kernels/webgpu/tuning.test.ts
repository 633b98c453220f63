/** Which tile a matrix product is computed in, and that each gives the same result. */
import { assert, assertEquals } from "@std/assert";
import type { Backend, ConvParameter } from "../../../kernels/mod.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { chooseTile, HARDWARE, SOFTWARE, type Tile } from "../../../kernels/webgpu/shader/tiles.ts";
import { CONV_ALGORITHMS } from "../../../kernels/webgpu/record/choice.ts";
import { assertClose } from "../../support/golden.ts";
import { runOp } from "../engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";
import { openDevice, testOn } from "../../support/engines.ts";

const shape = (rows: number, columns: number, parallelWorkgroups = 1, count = 1) => {
  const tile = chooseTile({ ...SOFTWARE, parallelWorkgroups }, rows, columns, count);
  return `${tile.rows}x${tile.columns}, ${tile.lanesX} lanes`;
};

Deno.test("large products are computed in the tile with the fewest loads", () => {
  assertEquals(shape(4096, 128), "32x8, 8 lanes");
  assertEquals(shape(4096, 32), "32x4, 8 lanes");
  assertEquals(chooseTile(HARDWARE, 4096, 128), HARDWARE.tiles[0]);
});

Deno.test("few rows take low and wide tiles", () => {
  assertEquals(shape(16, 128), "16x8, 8 lanes");
  assertEquals(shape(4, 128), "4x4, 8 lanes");
  assertEquals(shape(1, 192), "1x4, 8 lanes");
});

Deno.test("small products take tiles that occupy every processor of a software adapter", () => {
  assertEquals(shape(16, 192, 2), "16x12, 8 lanes"); // 2 workgroups, no processor computes two
  assertEquals(shape(16, 192, 4), "16x8, 8 lanes"); // 3 workgroups
  assertEquals(shape(16, 192, 8), "8x8, 8 lanes"); // 6 workgroups
  assertEquals(shape(16, 192, 8, 36), shape(16, 192), "many products occupy all processors in any tile");
});

Deno.test("few columns take narrow tiles", () => {
  assertEquals(shape(4096, 16), "32x2, 8 lanes");
  assertEquals(shape(4096, 8), "32x1, 8 lanes");
  assertEquals(shape(4096, 1), "32x1, 1 lanes");
});

/** A device, and the numbers of accumulators of the matrix products that were compiled on it. */
async function spyingDevice() {
  const device = await openDevice();
  const create = device.createShaderModule.bind(device);
  const accumulators = new Set<number>();
  device.createShaderModule = (descriptor) => {
    if (["conv", "matmul"].includes(descriptor.label!.split(" ")[0])) {
      accumulators.add([...descriptor.code.matchAll(/var s\d+_\d+ =/g)].length);
    }
    return create(descriptor);
  };
  return { device, accumulators };
}

const conv = (name: string, ins: number, out: number, kernel: 1 | 3 = 3, stride: 1 | 2 = 1): ConvParameter => ({
  kind: "conv",
  name,
  in: ins,
  out,
  kernel,
  stride,
});
const LAYERS = [
  conv("wide", 6, 36),
  conv("residual", 36, 36),
  conv("attended", 36, 36, 1),
  conv("halved", 36, 20, 3, 2),
  conv("doubled", 20, 36),
  conv("few", 36, 3),
];

/** Runs products of many shapes. */
async function runProducts(backend: Backend) {
  const x = randomTensor([2, 6, 11, 14], 1);
  const layers = LAYERS.map((parameter, i) => {
    const { in: ins, out, kernel } = parameter;
    const weight = randomTensor([out, ins, kernel, kernel], i + 1, Math.sqrt(3 / (ins * kernel ** 2)));
    return { parameter, weight, bias: randomTensor([out], i) };
  });
  const [wide, residual, attended, halved, doubled, few] = LAYERS;
  return await runOp(backend, [tensorOf(x)], layers, (g, [picture]) => {
    let h = g.conv2d(picture, wide);
    h = g.conv2d(h, residual, { residual: h });
    h = g.attention(h, g.conv2d(h, attended), h);
    return g.conv2d(g.conv2d(g.conv2d(h, halved), doubled, { upsample: true }), few);
  });
}

const ODD: Tile = { rows: 17, columns: 4, lanesX: 8, lanesY: 1 };

for (const [name, tuning] of Object.entries({ SOFTWARE, HARDWARE, ODD: { ...SOFTWARE, tiles: [ODD] } })) {
  testOn("webgpu", `products are the same in every tile, by every algorithm (${name})`, async () => {
    using cpu = disposable(await createWasmBackend({ threads: 1 }));
    const expected = await runProducts(cpu.backend);
    for (const tile of tuning.tiles) {
      for (const algorithm of CONV_ALGORITHMS) {
        const { device, accumulators } = await spyingDevice();
        using gpu = disposable(await createWebGpuBackend({ device, tuning, tile, algorithm, weights: "compact" }));
        const { data } = await runProducts(gpu.backend);
        const which = `${tile.rows}x${tile.columns} of ${tile.lanesX}x${tile.lanesY}, ${algorithm}`;
        assertClose(data as Float32Array<ArrayBuffer>, expected.data as Float32Array<ArrayBuffer>, 1e-5, which);
        assert(accumulators.has(tile.rows * tile.columns), which);
        device.destroy();
      }
    }
  });
}

function disposable(backend: Backend) {
  return { backend, [Symbol.dispose]: () => backend.dispose() };
}
