/** How weights come into the memory of the CPU engine. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeviceError, type Parameter, type StoredWeights, type WeightValues } from "../../../kernels/mod.ts";
import { Memory } from "../../../kernels/wasm/memory/memory.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { Parameters } from "../../../kernels/wasm/ops/packed_weights.ts";
import { startRuntime } from "../../../kernels/wasm/threads/start_threads.ts";
import { randomTensor } from "../tensors.ts";
import { testOn } from "../../support/engines.ts";

type DType = StoredWeights["dtype"];

const NONE = new Float32Array();
const SMALL = [[3, 4, 3], [20, 36, 3], [130, 9, 3], [1, 1, 1]] as const;
/** Element types with the layers, [in, out, kernel], to try them on: F64 and F32 in several parts, all values of 16 bits. */
const LAYERS = {
  F64: [...SMALL, [64, 910, 3]],
  F32: [...SMALL, [128, 910, 3]],
  F16: [...SMALL, [256, 256, 1]],
  BF16: [...SMALL, [256, 256, 1]],
} as const;

/** Elements as a file holds them, at an odd offset. */
class Stored implements StoredWeights {
  /** Bytes of each read. */
  readonly reads: number[] = [];

  constructor(readonly dtype: DType, readonly length: number, private readonly bytes: Uint8Array) {}

  async readInto(target: Uint8Array, offset: number): Promise<void> {
    this.reads.push(target.length);
    await Promise.resolve();
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  /** Converts by way of DataView. */
  read(): Promise<Float32Array> {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
    const element = {
      F64: (i: number) => view.getFloat64(8 * i, true),
      F32: (i: number) => view.getFloat32(4 * i, true),
      F16: (i: number) => view.getFloat16(2 * i, true),
      BF16(i: number) {
        const word = new DataView(new ArrayBuffer(4));
        word.setUint16(2, view.getUint16(2 * i, true), true);
        return word.getFloat32(0, true);
      },
    }[this.dtype];
    return Promise.resolve(Float32Array.from({ length: this.length }, (_, i) => element(i)));
  }
}

/** Values of a type, among them every 16-bit one. */
function stored(dtype: DType, length: number): Stored {
  const { data } = randomTensor([length], 1, 3);
  const special = [NaN, Infinity, -Infinity, -0, 1e-40, 1e39, 1e-320];
  const bytes = {
    F64: () => Float64Array.from(data, (value, i) => special[i] ?? value / 3),
    F32: () => Float32Array.from(data, (value, i) => special[i] ?? value),
    F16: () => Uint16Array.from(data, (_, i) => i),
    BF16: () => Uint16Array.from(data, (_, i) => i),
  }[dtype]();
  const file = new Uint8Array(bytes.byteLength + 1);
  file.set(new Uint8Array(bytes.buffer), 1);
  return new Stored(dtype, length, file.subarray(1));
}

/** [out][in][taps] as [taps*stored/32][out/8][32][8], where fewer than four channels are stored without padding. */
function packed(values: Float32Array, ins: number, outs: number, taps: number): Float32Array {
  const padded = ins < 4 ? ins : Math.ceil(ins / 4) * 4,
    octets = Math.ceil(outs / 8),
    slices = Math.ceil(taps * padded / 32);
  const result = new Float32Array(slices * octets * 256);
  values.forEach((value, i) => {
    const out = Math.floor(i / (ins * taps)), channel = Math.floor(i / taps) % ins, k = i % taps * padded + channel;
    result[((Math.floor(k / 32) * octets + (out >> 3)) * 32 + k % 32) * 8 + out % 8] = value;
  });
  return result;
}

function assertSame(actual: Float32Array, expected: Float32Array, what: string): void {
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) throw new Error(`${what}: ${actual[i]} at ${i}, expected ${expected[i]}`);
  }
}

for (const threads of [1, 2]) {
  testOn("wasm", `weights of every type are packed as if converted first, on ${threads} threads`, async () => {
    const runtime = await startRuntime(threads, undefined, undefined);
    const { memory } = runtime;
    const parameters = new Parameters(runtime);
    const dirty = memory.allocate(2e7); // unused memory need not hold zeros
    memory.floats(dirty, 5e6).fill(7);
    memory.free(dirty);
    for (const [dtype, layers] of Object.entries(LAYERS)) {
      for (const [ins, out, kernel] of layers) {
        const layer = { kind: "conv", name: "conv", in: ins, out, kernel, stride: 1 } as const;
        const [weight, bias] = [stored(dtype as DType, out * ins * kernel ** 2), stored(dtype as DType, out)];
        const [weights, biases] = [await weight.read(), await bias.read()];
        const expected = packed(weights, ins, out, kernel ** 2);
        for (const [values, rest] of [[weight, bias], [weights, biases]]) {
          await runtime.runExclusive(() => parameters.set(layer, values, rest));
          const { weight: at, bias: beside } = parameters.get(layer);
          assertSame(memory.floats(at, expected.length), expected, `${dtype} ${ins}→${out} ${kernel}×${kernel}`);
          assertSame(memory.floats(beside, out), biases, `${dtype} bias`);
        }
        assert(weight.reads.every((bytes) => bytes <= 2 ** 22), `${weight.reads}`);
      }
    }
    runtime.dispose();
  });

  testOn("wasm", `norms and codebooks of several parts are stored from any type, on ${threads} threads`, async () => {
    const runtime = await startRuntime(threads, undefined, undefined);
    const { memory } = runtime;
    const parameters = new Parameters(runtime);
    const norm = { kind: "norm", name: "norm", channels: 35 } as const;
    const codebook = { kind: "codebook", name: "codebook", codes: 5003, channels: 215 } as const;
    for (const dtype of ["F32", "F16"] as const) {
      const [scale, codes] = [stored(dtype, 35), stored(dtype, 5003 * 215)];
      await parameters.set(norm, scale, scale);
      const { weight, bias } = parameters.get(norm);
      const expected = Float32Array.of(...await scale.read(), 0);
      for (const address of [weight, bias]) assertSame(memory.floats(address, 36), expected, "norm");

      await parameters.set(codebook, codes, NONE);
      const rows = await codes.read(), packed = new Float32Array(8 * 626 * 215).fill(NaN);
      rows.forEach((value, i) => {
        const code = Math.floor(i / 215);
        packed[((code >> 3) * 215 + i % 215) * 8 + code % 8] = value;
      });
      assertSame(memory.floats(parameters.get(codebook).weight, packed.length), packed, "codebook");
    }
    runtime.dispose();
  });
}

/** A layer of three parts. */
const LARGE = { kind: "linear", name: "large", in: 1024, out: 2400 } as const satisfies Parameter;
const BIAS = new Float32Array(LARGE.out);

/** Values of {@linkcode LARGE}; `onPart` is called before each of its parts is read. */
function parts(onPart: (part: number) => unknown): WeightValues {
  let part = 0;
  return {
    dtype: "F32",
    length: LARGE.in * LARGE.out,
    readInto: async (target) => {
      await onPart(part++);
      target.fill(0);
    },
    read: () => Promise.reject(new Error("it reads parts")),
  };
}

testOn("wasm", "a part is read while the one before is packed, and no more of them at a time", async () => {
  const memory = new Memory(false);
  const events: string[] = [];
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
  const parameters = new Parameters({
    memory,
    async runJobs() {
      events.push("pack");
      await turn();
      events.push("packed");
    },
  });
  await parameters.set(LARGE, parts((part) => events.push(`read ${part}`)), BIAS);
  assertEquals(events, ["read 0", "read 1", "pack", "packed", "read 2", "pack", "packed", "pack", "packed"]);
});

testOn(
  "wasm",
  "weights that cannot be read or packed leave no memory behind, nor a read into memory in use",
  async () => {
    const memory = new Memory(false);
    const top = memory.allocate(64);
    memory.free(top);
    const unreadable = parts((part) => {
      if (part === 1) throw new Error("the file is damaged");
    });
    const packing = new Parameters({ memory, runJobs: () => Promise.resolve() });
    await assertRejects(() => packing.set(LARGE, unreadable, BIAS), Error, "the file is damaged");
    assertEquals([memory.allocate(1e6), memory.weights], [top, 0]);
    memory.free(top);

    const { promise: slow, resolve: finish } = Promise.withResolvers<void>();
    const failing = new Parameters({ memory, runJobs: () => Promise.reject(new DeviceError("no thread")) });
    const used = memory.used;
    let failed = false;
    const setting = failing.set(LARGE, parts((part) => part === 1 ? slow : undefined), BIAS).finally(() =>
      failed = true
    );
    const refusal = assertRejects(() => setting, DeviceError, "no thread");
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert(!failed && memory.used > used, "memory was freed into which a part is still read");
    finish();
    await refusal;
    assertEquals([memory.used, memory.weights], [used, 0]);
  },
);

testOn("wasm", "an engine that is disposed of while weights are read says so", async () => {
  for (const threads of [1, 2]) {
    const backend = await createWasmBackend({ threads });
    const values = parts((part) => part === 1 && backend.dispose());
    await assertRejects(() => backend.setParameter(LARGE, values, BIAS), DeviceError, "disposed");
  }
});

testOn("wasm", "memory for announced weights is reserved at once, and kept", async () => {
  const backend = await createWasmBackend({ threads: 2, weightBytes: 2 ** 28 });
  const { held, used } = backend.memory;
  assert(held > 2 ** 28 && used < 2 ** 22, `${held} bytes, ${used} used`);
  for (let i = 0; i < 5; i++) await backend.setParameter(LARGE, parts(() => {}), BIAS);
  assertEquals(backend.memory.held, held);
  backend.dispose();
});
