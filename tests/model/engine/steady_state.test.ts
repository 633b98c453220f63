/** Repeated calls: on WebGPU they must create no pipelines, buffers or bind groups. */
import { assertEquals } from "@std/assert";
import { ImageProcessor, type Tensor, VQModel } from "../../../mod.ts";
import { checkpointOf, MemoryFiles, TINY } from "../models.ts";
import { openDevice, testOn } from "../../support/engines.ts";

const CREATORS = [
  "createBuffer",
  "createBindGroup",
  "createBindGroupLayout",
  "createPipelineLayout",
  "createShaderModule",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createQuerySet",
] as const;

/** A device that counts what is made on it, and the bytes that are written to it and read back. */
async function countingDevice() {
  const device = await openDevice();
  const made: string[] = [];
  const bytes = { written: 0, read: 0 };
  const countReads = (buffer: GPUBuffer) => {
    const mapAsync = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = (mode, offset, size) => {
      bytes.read += size ?? buffer.size;
      return mapAsync(mode, offset, size);
    };
  };
  for (const name of CREATORS) {
    const create = device[name].bind(device) as (...args: unknown[]) => unknown;
    Object.defineProperty(device, name, {
      value: (...args: unknown[]) => {
        made.push(name);
        const result = create(...args);
        if (result instanceof GPUBuffer) countReads(result);
        return result;
      },
    });
  }
  const { queue } = device;
  const writeBuffer = queue.writeBuffer.bind(queue);
  Object.defineProperty(queue, "writeBuffer", {
    value: (buffer: GPUBuffer, offset: number, data: Uint8Array<ArrayBuffer>) => {
      bytes.written += data.byteLength;
      writeBuffer(buffer, offset, data);
    },
  });
  Object.defineProperty(device, "queue", { value: queue });
  return {
    device,
    /** What `work` made, and how many bytes it moved. */
    async count(work: () => Promise<unknown>) {
      made.length = bytes.written = bytes.read = 0;
      await work();
      return { made: [...made], ...bytes };
    },
    [Symbol.dispose]() {
      device.destroy();
    },
  };
}

const [WIDTH, HEIGHT] = [24, 16];

testOn(
  "webgpu",
  "a second call makes no pipelines, no buffers and no bind groups, and moves pictures as bytes",
  async () => {
    using counting = await countingDevice();
    const files = new MemoryFiles(TINY, checkpointOf(TINY));
    using model = await VQModel.fromFiles(files.opener, { device: counting.device });
    const processor = new ImageProcessor({ vaeScaleFactor: 2 });
    const data = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => 7 * i);
    using sample = await processor.preprocess({ width: WIDTH, height: HEIGHT, data });
    const dispose = (...tensors: Tensor[]) => tensors.forEach((tensor) => tensor.dispose());

    const tokens = await model.tokenize(sample);
    const { latents } = await model.encode(sample);
    const { sample: decoded } = await model.decode(latents);
    const [bytes, codes, pixels] = [4 * WIDTH * HEIGHT, 4 * tokens.indices.length, WIDTH * HEIGHT];
    const calls: [name: string, call: () => Promise<unknown>, moved: { written: number; read: number }][] = [
      ["tokenize", () => model.tokenize(sample), { written: bytes, read: codes }],
      ["encode", async () => dispose((await model.encode(sample)).latents), { written: bytes, read: 0 }],
      ["quantize", async () => dispose(...Object.values(await model.quantize(latents))), { written: 0, read: 0 }],
      ["decode", async () => dispose(...Object.values(await model.decode(latents))), { written: 0, read: 0 }],
      ["detokenize", async () => dispose(await model.detokenize(tokens)), { written: codes, read: 0 }],
      ["forward", async () => dispose(...Object.values(await model.forward(sample))), { written: bytes, read: 0 }],
      ["postprocess", () => processor.postprocess(decoded), { written: 0, read: bytes }],
      ["data", () => decoded.data(), { written: 0, read: 12 * pixels }],
    ];
    for (const [name, call, moved] of calls) {
      await call();
      assertEquals(await counting.count(call), { made: [], ...moved }, name);
    }
    const all = async () => {
      for (const [, call] of calls) await call();
    };
    await all(); // what was made for one call may have been let go when the next was compiled
    assertEquals((await counting.count(all)).made, [], "all in turn");
    dispose(latents, decoded);
  },
);
