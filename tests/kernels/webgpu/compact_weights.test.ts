/** Weights that are held once, and transformed for Winograd's algorithm in each call. */
import { assert, assertEquals, assertLess, assertLessOrEqual, assertRejects } from "@std/assert";
import { type Backend, type ConvParameter, createBackend, Graph } from "../../../kernels/mod.ts";
import { createWebGpuBackend, type WebGpuOptions } from "../../../kernels/webgpu/mod.ts";
import { CONV_ALGORITHMS } from "../../../kernels/webgpu/record/choice.ts";
import { SOFTWARE, type Tuning } from "../../../kernels/webgpu/shader/tiles.ts";
import { assertClose } from "../../support/golden.ts";
import * as reference from "../../support/reference_ops.ts";
import { runOp } from "../engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";
import { openDevice, testOn } from "../../support/engines.ts";
import { recordingDevice } from "./recording_device.ts";

/** Small tiles compile fast. */
const SMALL: Tuning = {
  ...SOFTWARE,
  tiles: [{ rows: 4, columns: 1, lanesX: 8, lanesY: 1 }],
  thinTile: { rows: 4, columns: 1, lanesX: 8, lanesY: 1 },
  weights: "compact",
};
/** Scratch memory for 36 output channels of 36, and for one row of tiles: two bands of columns, several of rows. */
const BANDS: Tuning = { ...SMALL, scratchBytes: 36 * 36 * 36 * 4 };

interface Case {
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  readonly out: number;
  readonly stride?: 1 | 2;
  readonly upsample?: boolean;
  readonly residual?: boolean;
}

const CASES: readonly Case[] = [
  { shape: [1, 36, 13, 9], out: 70 },
  { shape: [3, 33, 6, 11], out: 67, residual: true },
  { shape: [2, 35, 5, 7], out: 61, upsample: true, residual: true },
  { shape: [1, 34, 11, 8], out: 37, stride: 2 },
  { shape: [2, 5, 9, 4], out: 3 },
  { shape: [1, 64, 1, 1], out: 33 },
];

const conv = (ins: number, out: number, stride: 1 | 2 = 1): ConvParameter => {
  return { kind: "conv", name: "conv", in: ins, out, kernel: 3, stride };
};

async function compute(backend: Backend, { shape, out, stride = 1, upsample = false, residual }: Case, halves = false) {
  const parameter = conv(shape[1], out, stride);
  const weight = randomTensor([out, shape[1], 3, 3], 7, Math.sqrt(1 / (3 * shape[1])));
  const [x, bias] = [randomTensor([...shape], 3), randomTensor([out], 8)];
  if (halves) { for (const { data } of [weight, x]) data.forEach((value, i) => data[i] = Math.f16round(value)); }
  const expected = reference.conv2d(x, weight, { bias, stride, upsample });
  const added = randomTensor(expected.shape, 5);
  const inputs = residual ? [x, added] : [x];
  const { data } = await runOp(backend, inputs.map(tensorOf), [{ parameter, weight, bias }], (graph, [node, more]) => {
    return graph.conv2d(node, parameter, { upsample, residual: more });
  });
  const values = residual ? expected.data.map((value, i) => value + added.data[i]) : expected.data;
  return { data: data as Float32Array, values: Float32Array.from(values) };
}

async function withBackend(options: WebGpuOptions, use: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await createWebGpuBackend(options);
  try {
    await use(backend);
  } finally {
    backend.dispose();
  }
}

for (const algorithm of [...CONV_ALGORITHMS, undefined]) {
  for (const [name, tuning] of Object.entries({ "in one piece": SMALL, "in bands": BANDS })) {
    testOn("webgpu", `compact weights give the convolutions of the reference, ${name}, by ${algorithm}`, async () => {
      await withBackend({ algorithm, tuning }, async (backend) => {
        for (const each of CASES) {
          const { data, values } = await compute(backend, each);
          assertClose(data, values, 1e-5, JSON.stringify(each));
        }
      });
      await withBackend({ algorithm, tuning, dtype: "float16" }, async (backend) => {
        for (const each of CASES) {
          const { data, values } = await compute(backend, each, true);
          assertClose(data, values, 2 ** -11 * 8, `${JSON.stringify(each)} in float16`);
        }
      });
    });
  }
}

testOn("webgpu", "compact and fast weights give the same bits by Winograd's algorithm", async () => {
  const results: Float32Array[] = [];
  for (const weights of ["compact", "fast"] as const) {
    await withBackend({ weights, tuning: SMALL, algorithm: "winograd" }, async (backend) => {
      for (const each of CASES.slice(0, 3)) results.push((await compute(backend, each)).data);
    });
  }
  assertEquals(results.slice(3), results.slice(0, 3));
});

testOn("webgpu", "compact weights take the bytes of the parameters, fast ones four times as many", async () => {
  const bytesOf = async (options: WebGpuOptions, layer: ConvParameter) => {
    let bytes = 0;
    await withBackend({ tuning: SMALL, ...options }, async (backend) => {
      await backend.setParameter(layer, new Float32Array(layer.in * layer.out * 9), new Float32Array(layer.out));
      bytes = backend.memory.weights;
    });
    return bytes;
  };
  const [layer, bias] = [conv(64, 96), 4 * 96];
  const taps = 64 * 96 * 9;
  assertEquals(await bytesOf({ weights: "compact" }, layer), 4 * taps + bias);
  assertEquals(await bytesOf({ weights: "compact", dtype: "float16" }, layer), 2 * taps + bias);
  assertEquals(await bytesOf({ weights: "fast" }, layer), 16 * taps + bias);
  assertLessOrEqual(await bytesOf({ weights: "compact" }, conv(61, 93)), 1.15 * 4 * (61 * 93 * 9 + 93));
});

/** A graph of two convolutions of 96 channels by 96, whose weights are set, and its input. */
async function twoLayers(backend: Backend) {
  const layers = [0, 1].map((i) => ({ ...conv(96, 96), name: `layer ${i}` }));
  for (const [i, layer] of layers.entries()) {
    await backend.setParameter(layer, randomTensor([96 * 96 * 9], i, 0.03).data, randomTensor([96], i).data);
  }
  const graph = new Graph();
  graph.output(layers.reduce((x, layer) => graph.conv2d(x, layer), graph.input([1, 96, 32, 32])));
  return { graph, input: tensorOf(randomTensor([1, 96, 32, 32], 9)) };
}

testOn(
  "webgpu",
  "transformed weights are planned once for all layers, and no run takes more than planned",
  async () => {
    const device = await openDevice();
    const count = countBuffers(device);
    const bytes: number[] = [];
    for (const weights of ["fast", "compact"] as const) {
      await withBackend({ weights, tuning: SMALL, device }, async (backend) => {
        const { graph, input } = await twoLayers(backend);
        const program = await backend.compile(graph);
        bytes.push(program.bytes);
        assertEquals(backend.measure(graph), program.bytes);
        count.peak = 0;
        const [result] = await program.run([input]);
        await result.data();
        assertLessOrEqual(count.peak, backend.memory.weights + 1.01 * program.bytes);
      });
    }
    const transformed = 36 * 96 * 96 * 4;
    const added = bytes[1] - bytes[0]; // with the parameters of two dispatches; other scratch memory is shared
    assert(added > transformed / 2 && added <= transformed + 2 * 256, `${added} bytes for ${transformed}`);
    device.destroy();
  },
);

testOn("webgpu", "under a tight limit fewer weights are transformed at a time, with the same result", async () => {
  await withBackend({ tuning: SMALL }, async (backend) => {
    const { graph, input } = await twoLayers(backend);
    const run = async (memoryLimit?: number) => {
      const program = await backend.compile(graph, { memoryLimit });
      const [result] = await program.run([input]);
      const data = await result.data() as Float32Array<ArrayBuffer>;
      result.dispose();
      program.dispose();
      return { bytes: program.bytes, data };
    };
    const whole = await run();
    const { weights } = backend.memory;
    for (const share of [0.8, 0.6]) {
      const limited = await run(weights + Math.ceil(share * whole.bytes));
      assertLessOrEqual(limited.bytes, share * whole.bytes + 1);
      assertClose(limited.data, whole.data, 1e-5, `${share} of ${whole.bytes} bytes`);
    }
  });
});

testOn("webgpu", "loading takes the weights and four MiB, however large a layer is", async () => {
  const device = await openDevice();
  const count = countBuffers(device);
  await withBackend({ tuning: SMALL, device }, async (backend) => {
    const layer = conv(512, 515);
    const weight = randomTensor([512 * 515 * 9], 1).data;
    for (const name of ["a", "b"]) await backend.setParameter({ ...layer, name }, weight, new Float32Array(515));
    assertLessOrEqual(count.peak, backend.memory.weights + (4 << 20) + 4096);
  });
  device.destroy();
});

/** Counts the bytes of a device's buffers. */
function countBuffers(device: GPUDevice): { held: number; peak: number } {
  const count = { held: 0, peak: 0 };
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let size = descriptor.size;
    count.held += size;
    count.peak = Math.max(count.peak, count.held);
    buffer.destroy = () => {
      count.held -= size;
      size = 0;
      destroy();
    };
    return buffer;
  };
  return count;
}

/** A device that computes nothing and refuses buffers of more than some bytes for lack of memory. */
function refusingDevice(mostBytes: number): GPUDevice {
  const { device } = recordingDevice();
  const create = device.createBuffer.bind(device);
  const scopes: { filter: string; error: GPUError | null }[] = [];
  return Object.assign(device, {
    pushErrorScope: (filter: GPUErrorFilter) => void scopes.push({ filter, error: null }),
    popErrorScope: () => Promise.resolve(scopes.pop()!.error),
    createBuffer(descriptor: GPUBufferDescriptor) {
      const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
      if (descriptor.size > mostBytes && scope) scope.error = new GPUOutOfMemoryError("no memory left");
      return create(descriptor);
    },
  });
}

Deno.test("weights are held once from the layer on for which the device has no memory to hold them transformed", async () => {
  const set = (backend: Backend, name: string, channels: number) =>
    backend.setParameter(
      { ...conv(channels, channels), name },
      new Float32Array(channels ** 2 * 9),
      new Float32Array(channels),
    );
  const [small, large] = [64, 256];
  const bytes = (positions: number, channels: number) => 4 * (positions * channels ** 2 + channels);
  const device = refusingDevice(8 << 20); // the large layer takes 2.25 MiB, transformed 9
  await withBackend({ device, tuning: SOFTWARE }, async (backend) => {
    await set(backend, "first", small);
    assertEquals(backend.memory.weights, bytes(36, small));
    await set(backend, "second", large);
    assertEquals(backend.memory.weights, bytes(36, small) + bytes(9, large));
    await set(backend, "third", small);
    assertEquals(backend.memory.weights, bytes(36, small) + bytes(9, large) + bytes(9, small));
    await assertRejects(
      () => set(backend, "fourth", 512),
      Error,
      "bytes of fourth: the device refused, no memory left",
    );
    assertEquals(backend.memory.weights, bytes(36, small) + bytes(9, large) + bytes(9, small));
  });
});

testOn("webgpu", "weights are held as the option says; others are refused", async () => {
  const bytes: number[] = [];
  for (const weights of ["compact", "fast"] as const) {
    const backend = await createBackend("webgpu", { weights });
    await backend.setParameter(conv(40, 40), new Float32Array(40 * 40 * 9), new Float32Array(40));
    bytes.push(backend.memory.weights);
    backend.dispose();
  }
  assertLess(3.9 * bytes[0], bytes[1]);
  const opening = () => createBackend("webgpu", { weights: "small" as "fast" });
  const error = await assertRejects(opening, TypeError);
  assert(error.message.includes('expected weights "compact" or "fast"'));
});
