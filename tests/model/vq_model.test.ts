/** What a model does beside computing: shapes, errors, memory, concurrency, saving. */
import { assert, assertEquals, assertIsError, assertNotEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { Graph, NO_MEMORY } from "../../kernels/mod.ts";
import { type Device, DeviceError, HubError, Tensor, type VQConfig, VQModel } from "../../mod.ts";
import { parseConfig } from "../../model/architecture/config.ts";
import { assertClose, type Dense, loadGolden } from "../support/golden.ts";
import { syntheticImage } from "../support/synthetic.ts";
import {
  checkpointOf,
  DEVICES,
  filled,
  makeModel,
  MemoryFiles,
  picture,
  recordDecoder,
  recordEncoder,
  take,
  testOnEveryDevice,
  TINY,
  withFolder,
} from "./models.ts";
import { runReference } from "./reference_graph.ts";

/** Three levels, with everything a model may have: 32 channels reach Winograd's algorithm, attentions in levels, MoVQ. */
const MOVQ: Partial<VQConfig> = {
  block_out_channels: [32, 32, 64],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
  up_block_types: ["AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
  norm_num_groups: 8,
  norm_type: "spatial",
  latent_channels: 4,
  num_vq_embeddings: 40,
};

const LOOKUP: Partial<VQConfig> = { ...TINY, lookup_from_codebook: true };

/** Fails instead of waiting forever. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("nothing happened within 20 s")), 20_000);
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Shapes

const SHAPES: [config: Partial<VQConfig>, n: number, h: number, w: number][] = [
  [TINY, 1, 2, 2],
  [TINY, 1, 3, 3],
  [TINY, 2, 7, 5],
  [TINY, 1, 2, 9],
  [TINY, 3, 6, 4],
  [MOVQ, 1, 4, 4],
  [MOVQ, 1, 7, 5],
  [MOVQ, 2, 9, 14],
];

for (const [config, n, h, w] of SHAPES) {
  const levels = config.block_out_channels!.length;
  const floor = (side: number) => {
    for (let level = 1; level < levels; level++) side = Math.floor(side / 2);
    return side;
  };
  const [rows, columns] = [floor(h), floor(w)];

  testOnEveryDevice(
    `${n} pictures of ${w}×${h} are ${columns}×${rows} tokens at ${levels} levels, computed as the reference does`,
    async (device) => {
      const { config: parsed } = parseConfig(config);
      const checkpoint = checkpointOf(config);
      const sample: Dense = { data: syntheticImage([n, 3, h, w], 5), shape: [n, 3, h, w] };
      using model = await makeModel(config, { device });

      const encoder = new Graph();
      const expectedLatents = recordEncoder(encoder, parsed, encoder.input(sample.shape));
      const latentsOf = runReference(encoder, checkpoint, [sample]);
      using latents = (await model.encode(new Tensor(sample.data, sample.shape))).latents;
      assertEquals(latents.shape, [n, parsed.latent_channels, rows, columns]);
      const values = await latents.data() as Float32Array<ArrayBuffer>;
      assertClose(values, latentsOf(expectedLatents).data, 1e-5, "latents");

      const decoder = new Graph();
      const expected = recordDecoder(decoder, parsed, decoder.input(latents.shape));
      const of = runReference(decoder, checkpoint, [{ data: values, shape: latents.shape }]);
      const { sample: decoded, commitLoss } = await model.decode(latents);
      const factor = 2 ** (levels - 1);
      assertEquals(decoded.shape, [n, 3, rows * factor, columns * factor]);
      assertClose(await take(decoded), of(expected.decoded).data, 5e-5, "decoded");
      assertClose(await take(commitLoss), of(expected.loss).data, 1e-5, "loss");
      const tokens = await model.tokenize(new Tensor(sample.data, sample.shape));
      assertEquals(tokens.shape, [n, rows, columns]);
      assertEquals([...tokens.indices], [...of(expected.indices).data]);
    },
  );
}

testOnEveryDevice("pictures may have other numbers of channels coming out than going in", async (device) => {
  using model = await makeModel({ ...TINY, in_channels: 1, out_channels: 5 }, { device });
  assertEquals((await model.forward(picture(1, 1, 4, 6))).sample.shape, [1, 5, 4, 6]);
});

for (const other of DEVICES) {
  testOnEveryDevice(`results of one model are input of another, which is on ${other}`, async (device) => {
    using first = await makeModel(TINY, { device });
    using second = await makeModel(TINY, { device: other });
    const { latents } = await first.encode(picture(1, 3, 6, 8));
    const copy = new Tensor(await latents.data() as Float32Array<ArrayBuffer>, latents.shape);
    assertEquals(await take((await second.decode(latents)).sample), await take((await second.decode(copy)).sample));
  });
}

// Memory

testOnEveryDevice("fifty rounds of encoding and decoding take no more memory than two", async (device) => {
  using model = await makeModel(TINY, { device });
  const round = async (i: number) => {
    using sample = picture(1, 3, 8, i % 2 ? 8 : 10);
    using latents = (await model.encode(sample)).latents;
    const { quantized, indices, loss } = await model.quantize(latents);
    const { sample: decoded, commitLoss } = await model.decode(latents);
    using again = await model.detokenize(await model.tokenize(sample));
    await again.data();
    await decoded.data();
    for (const tensor of [quantized, indices, loss, decoded, commitLoss]) tensor.dispose();
  };
  for (let i = 0; i < 4; i++) await round(i);
  const before = model.memory();
  for (let i = 0; i < 50; i++) await round(i);
  assertEquals(model.memory(), before);
});

Deno.test("tensors that are kept keep their memory, and give it back when they are disposed of", async () => {
  using model = await makeModel();
  using sample = picture(1, 3, 32, 32);
  (await model.encode(sample)).latents.dispose();
  const { buffers } = model.memory();
  const kept = [];
  for (let i = 0; i < 10; i++) kept.push((await model.encode(sample)).latents);
  const grown = model.memory().buffers;
  assert(grown >= buffers + 9 * 16 * 16 * 3 * 4, `${grown} bytes, ${buffers} before`);
  const values = await Promise.all(kept.map((tensor) => tensor.data()));
  for (const value of values) assertEquals(value, values[0]);
  for (const tensor of kept) tensor.dispose();
  const withReadbacks = model.memory().buffers;
  for (let i = 0; i < 10; i++) (await model.encode(sample)).latents.dispose();
  assertEquals(model.memory().buffers, withReadbacks);
});

testOnEveryDevice("input that the caller owns is neither changed nor disposed of", async (device) => {
  using model = await makeModel(TINY, { device });
  using sample = picture(1, 3, 8, 8);
  const pixels = Float32Array.from(await sample.data());
  using latents = (await model.encode(sample)).latents;
  const before = await latents.data();
  for (let i = 0; i < 3; i++) await model.decode(latents);
  assertEquals([sample.disposed, latents.disposed], [false, false]);
  assertEquals(await sample.data(), pixels);
  assertEquals(await latents.data(), before);
});

testOnEveryDevice("many shapes one after another do not pile up memory", async (device) => {
  using model = await makeModel(TINY, { device });
  const visit = async (side: number) => {
    const { sample, commitLoss } = await model.forward(picture(1, 3, side, side));
    await Promise.all([sample, commitLoss].map(take));
  };
  for (let side = 4; side < 24; side++) await visit(side);
  const first = model.memory().buffers;
  for (let side = 4; side < 24; side++) await visit(side);
  assertEquals(model.memory().buffers, first);
});

// Disposal

testOnEveryDevice(
  "dispose gives back all memory, also that of tensors in use, and may be called twice",
  async (device) => {
    const model = await makeModel(TINY, { device });
    const { latents } = await model.encode(picture(1, 3, 8, 8));
    await latents.data();
    assert(model.memory().weights > 4 * model.numParameters(), "weights are on the device");
    assert(model.memory().buffers > 0);
    model.dispose();
    assertEquals(model.memory(), NO_MEMORY);
    model.dispose();
    latents.dispose();
    latents.dispose();
    assertEquals(model.memory(), NO_MEMORY);
  },
);

testOnEveryDevice("a model that was disposed of says so", async (device) => {
  const model = await makeModel(LOOKUP, { device });
  using sample = picture(1, 3, 4, 4);
  using latents = filled(0, 1, 3, 2, 2);
  const tokens = { indices: new Int32Array(4), shape: [1, 2, 2] as const };
  const calls = [
    () => model.encode(sample),
    () => model.quantize(latents),
    () => model.decode(latents),
    () => model.decode(new Tensor(tokens.indices, [1, 2, 2]), { forceNotQuantize: true, shape: [1, 2, 2, 3] }),
    () => model.forward(sample),
    () => model.tokenize(sample),
    () => model.detokenize(tokens),
    () => model.savePretrained("never"),
  ];
  model.dispose();
  for (const call of calls) {
    await assertRejects(call, TypeError, "Cannot use the model: it was disposed", call.toString());
  }
});

testOnEveryDevice("a result that is read after its model was disposed of fails", checkReadAfterDispose);

Deno.test("a result that is read after its model was disposed of fails, on the caller's device", async () => {
  const device = await openDevice();
  await checkReadAfterDispose(device);
  device.destroy();
});

async function checkReadAfterDispose(device: Device): Promise<void> {
  const model = await makeModel(TINY, { device });
  const { latents } = await model.encode(picture(1, 3, 8, 8));
  model.dispose();
  await assertRejects(() => soon(latents.data()), DeviceError, "disposed");
  assertEquals(model.memory(), NO_MEMORY);
  using other = await makeModel();
  await assertRejects(() => soon(other.decode(latents)), DeviceError, "disposed");
}

testOnEveryDevice(
  "a call that is under way when its model is disposed of fails or finishes, and does not hang",
  async (device) => {
    const model = await makeModel(TINY, { device });
    using sample = picture(1, 3, 16, 16);
    (await model.encode(sample)).latents.dispose();
    const calls = [model.encode(sample), model.encode(picture(1, 3, 12, 12)), model.tokenize(sample)];
    model.dispose();
    for (const result of await soon(Promise.allSettled<unknown>(calls))) {
      if (result.status === "fulfilled") continue;
      assertIsError(result.reason, TypeError, "Cannot use the model: it was disposed during the call");
    }
    assertEquals(model.memory(), NO_MEMORY);
  },
);

Deno.test("a device that the caller hands in is used and left alone", async () => {
  const device = await openDevice();
  let buffers = 0;
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    buffers++;
    return createBuffer(descriptor);
  };
  const values = [];
  for (let i = 0; i < 2; i++) {
    using model = await makeModel(TINY, { device });
    values.push(await take((await model.forward(picture(1, 3, 8, 8))).sample));
  }
  assert(buffers > 50, `${buffers} buffers`);
  assertEquals(values[0], values[1]);

  using model = await makeModel();
  assertClose(await take((await model.forward(picture(1, 3, 8, 8))).sample), values[0], 1e-6, "own device");
  device.pushErrorScope("validation");
  const buffer = createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  await buffer.mapAsync(GPUMapMode.READ);
  assertEquals(await device.popErrorScope(), null);
  device.destroy();
});

Deno.test("a device that is lost is said to be lost", async () => {
  const device = await openDevice();
  using model = await makeModel(TINY, { device });
  device.destroy();
  await device.lost;
  await assertRejects(() => soon(model.encode(picture(1, 3, 8, 8))), DeviceError, "the device was lost");
});

// Wrong arguments

testOnEveryDevice("pictures that are none are refused", async (device) => {
  using model = await makeModel(TINY, { device });
  using disposed = picture(1, 3, 8, 8);
  disposed.dispose();
  const cases: [sample: Tensor, Kind: typeof TypeError | typeof RangeError, message: string][] = [
    [filled(0, 3, 8, 8), RangeError, "expected shape [n, 3, height, width], found [3,8,8]"],
    [filled(0, 1, 3, 8, 8, 1), RangeError, "expected shape [n, 3, height, width], found [1,3,8,8,1]"],
    [filled(0, 1, 4, 8, 8), RangeError, "expected 3 channels (in_channels), found 4 in [1,4,8,8]"],
    [filled(0, 1, 8, 8, 3), RangeError, "expected 3 channels (in_channels), found 8"],
    [new Tensor(new Int32Array(192), [1, 3, 8, 8]), TypeError, "expected float32 elements, found int32"],
    [new Tensor(new Float32Array(0), [0, 3, 8, 8]), RangeError, "empty"],
    [new Tensor(new Float32Array(0), [1, 3, 0, 8]), RangeError, "empty"],
    [filled(0, 1, 3, 1, 8), RangeError, "8×1 pixels"],
    [filled(0, 1, 3, 8, 1), RangeError, "1×8 pixels"],
    [disposed, TypeError, "disposed"],
    [new Float32Array(192) as unknown as Tensor, TypeError, "expected a Tensor, found [object Float32Array]"],
    [undefined as unknown as Tensor, TypeError, "expected a Tensor, found [object Undefined]"],
  ];
  for (const [sample, Kind, message] of cases) {
    await assertRejects(() => model.encode(sample), Kind, message);
    await assertRejects(() => model.forward(sample), Kind, message);
    await assertRejects(() => model.tokenize(sample), Kind, message);
  }
});

testOnEveryDevice("latents that are none are refused", async (device) => {
  using model = await makeModel({ ...TINY, vq_embed_dim: 5 }, { device });
  using disposed = filled(0, 1, 5, 2, 2);
  disposed.dispose();
  const cases: [latents: Tensor, Kind: typeof TypeError | typeof RangeError, message: string][] = [
    [filled(0, 5, 2, 2), RangeError, "expected shape [n, 5, height, width], found [5,2,2]"],
    [filled(0, 1, 3, 2, 2), RangeError, "expected 5 channels (vq_embed_dim), found 3"],
    [new Tensor(new Float32Array(0), [1, 5, 0, 2]), RangeError, "empty"],
    [new Tensor(new Int32Array(20), [1, 5, 2, 2]), TypeError, "expected float32 elements, found int32"],
    [disposed, TypeError, "disposed"],
    [[] as unknown as Tensor, TypeError, "expected a Tensor, found [object Array]"],
  ];
  for (const [latents, Kind, message] of cases) {
    await assertRejects(() => model.quantize(latents), Kind, message);
    await assertRejects(() => model.decode(latents), Kind, message);
    await assertRejects(() => model.decode(latents, { forceNotQuantize: true }), Kind, message);
  }
});

testOnEveryDevice("models that decode latents take no indices without quantizing", async (device) => {
  using model = await makeModel(TINY, { device });
  const indices = new Tensor(new Int32Array(4), [1, 2, 2]);
  const options = { forceNotQuantize: true, shape: [1, 2, 2, 3] };
  await assertRejects(() => model.decode(indices, options), TypeError, "expected float32 elements, found int32");
});

testOnEveryDevice("models that look indices up refuse all else, and need to know the shape", async (device) => {
  using model = await makeModel(LOOKUP, { device });
  const decode = (data: ArrayLike<number>, shape?: readonly number[]) => {
    const indices = new Tensor(Int32Array.from(data), [data.length]);
    return model.decode(indices, { forceNotQuantize: true, shape });
  };
  assertEquals((await decode([0, 1, 23, 3, 4, 5], [1, 2, 3, 3])).sample.shape, [1, 3, 4, 6]);
  for (const shape of [undefined, [1, 2, 3], [6], [1, 3, 2, 3, 1], [1, 3, 2, 3].toReversed(), [1, 2, 3, 4]]) {
    await assertRejects(() => decode([0, 1, 2, 3, 4, 5], shape), RangeError, "shape must be [n, h, w, 3]");
  }
  for (const shape of [[1, 2, 2, 3], [2, 2, 3, 3]]) {
    await assertRejects(() => decode([0, 1, 2, 3, 4, 5], shape), RangeError, "found 6");
  }
  for (const bad of [-1, 24, 2 ** 31 - 1, -(2 ** 31)]) {
    const message = `index ${bad} at position 2 is not in the codebook, which has rows 0 to 23`;
    await assertRejects(() => decode([0, 1, bad, 3], [1, 2, 2, 3]), RangeError, message);
  }
  const latents = filled(0, 1, 3, 2, 2);
  const options = { forceNotQuantize: true, shape: [1, 2, 2, 3] };
  await assertRejects(() => model.decode(latents, options), TypeError, "takes int32 indices, found float32");
  assertEquals((await model.decode(latents)).sample.shape, [1, 3, 4, 4]);
});

testOnEveryDevice("tokens that are none are refused", async (device) => {
  using model = await makeModel(TINY, { device });
  const detokenize = (indices: number[], shape: readonly number[]) =>
    model.detokenize({ indices: Int32Array.from(indices), shape: shape as [number, number, number] });
  assertEquals((await detokenize([0, 23], [1, 1, 2])).shape, [1, 3, 2, 4]);
  await assertRejects(() => detokenize([0, 24], [1, 1, 2]), RangeError, "index 24 at position 1");
  await assertRejects(() => detokenize([-1, 0], [1, 1, 2]), RangeError, "index -1 at position 0");
  await assertRejects(() => detokenize([0, 1], [1, 2, 2]), RangeError, "takes 4 indices, found 2");
  for (const shape of [[1, 2], [2], [1, 1, 1, 2], [0, 1, 2], [1, 0.5, 4], [1, -1, -2]]) {
    await assertRejects(() => detokenize([0, 1], shape), TypeError, "shape must be [n, h, w]");
  }
});

Deno.test("an unknown device is refused", async () => {
  const options = { device: "cuda" as "webgpu" };
  await assertRejects(() => makeModel(TINY, options), DeviceError, '"cuda"');
});

testOnEveryDevice("what is not a number gives indices of the codebook, and does not hang", async (device) => {
  for (const config of [TINY, { ...MOVQ, num_vq_embeddings: 200 }]) {
    using model = await makeModel(config, { device });
    const { num_vq_embeddings, latent_channels } = model.config;
    for (const value of [NaN, Infinity, -Infinity, 3e38]) {
      const sample = picture(1, 3, 12, 12);
      (sample.storage as Float32Array)[77] = value;
      const latents = filled(0.1, 1, latent_channels, 3, 3);
      (latents.storage as Float32Array)[4] = value;

      const { indices } = await soon(model.quantize((await model.encode(sample)).latents));
      const { indices: quantized } = await soon(model.quantize(latents));
      for (const index of [...await take(indices), ...await take(quantized)]) {
        assert(Number.isInteger(index) && index >= 0 && index < num_vq_embeddings, `${value} became index ${index}`);
      }
      if (!Number.isFinite(value)) await assertRejects(() => soon(model.tokenize(sample)), RangeError, "sample is");
      await soon((await model.decode(latents)).sample.data());
      await soon((await model.decode(latents, { forceNotQuantize: true })).sample.data());
      await soon((await model.forward(sample)).sample.data());
    }
    const clean = await take((await model.forward(picture(1, 3, 12, 12))).sample);
    assert(clean.every(Number.isFinite), "what is not a number stays behind in memory that is used again");
  }
});

// Concurrency

testOnEveryDevice("calls at the same time give what they give one after another", async (device) => {
  using model = await makeModel(TINY, { device });
  const samples = [[1, 8, 8], [1, 8, 8], [2, 6, 10], [1, 5, 7], [3, 4, 4]].map(([n, h, w], i) => {
    return new Tensor(syntheticImage([n, 3, h, w], i), [n, 3, h, w]);
  });
  const visit = async (sample: Tensor) => {
    using latents = (await model.encode(sample)).latents;
    const [decoded, tokens] = await Promise.all([model.decode(latents), model.tokenize(sample)]);
    return [await take(decoded.sample), await take(decoded.commitLoss), tokens];
  };
  const oneByOne = [];
  for (const sample of samples) oneByOne.push(await visit(sample));
  assertEquals(await Promise.all(samples.map(visit)), oneByOne);
  assertNotEquals(oneByOne[0], oneByOne[1]);
});

testOnEveryDevice("more shapes at the same time than programs are kept all come out right", async (device) => {
  using model = await makeModel(TINY, { device });
  const sides = Array.from({ length: 20 }, (_, i) => i + 2);
  const encode = async (side: number) => await take((await model.encode(picture(1, 3, side, 6))).latents);
  const together = await Promise.all(sides.map(encode));
  for (const [i, side] of sides.entries()) assertEquals(together[i], await encode(side), `side ${side}`);
});

testOnEveryDevice("a signal stops a call, and the model goes on", async (device) => {
  using model = await makeModel(TINY, { device });
  using sample = picture(1, 3, 8, 8);
  using latents = (await model.encode(sample)).latents;
  const expected = await latents.data();
  const tokens = await model.tokenize(sample);
  const calls = [
    (signal: AbortSignal) => model.encode(sample, { signal }),
    (signal: AbortSignal) => model.quantize(latents, { signal }),
    (signal: AbortSignal) => model.decode(latents, { signal }),
    (signal: AbortSignal) => model.decode(latents, { signal, forceNotQuantize: true }),
    (signal: AbortSignal) => model.forward(sample, { signal }),
    (signal: AbortSignal) => model.tokenize(sample, { signal }),
    (signal: AbortSignal) => model.detokenize(tokens, { signal }),
  ];
  const reason = new Error("enough");
  const { buffers } = model.memory();
  for (const call of calls) {
    assertEquals(await assertRejects(() => call(AbortSignal.abort(reason))), reason);
    const controller = new AbortController();
    const running = call(controller.signal);
    controller.abort(reason);
    assertEquals(await assertRejects(() => running), reason);
  }
  assert(model.memory().buffers <= buffers, "stopped calls keep no memory");
  assertEquals(await take((await model.encode(sample)).latents), expected);
});

// Saving

testOnEveryDevice("a saved model loads again and computes the same", async (device) => {
  await withFolder(async (folder) => {
    const directory = join(folder, "deeper", "still");
    const extra = { _class_name: "VQModel", _diffusers_version: "0.30.0", note: { kept: [1, null] } };
    const files = new MemoryFiles({ ...TINY, ...extra }, checkpointOf(TINY));
    using model = await VQModel.fromFiles(files.opener, { device });
    await model.savePretrained(directory);
    assertEquals(files.open, 0);

    const config = JSON.parse(await Deno.readTextFile(join(directory, "config.json")));
    assertEquals(config, { ...extra, ...model.config });
    assertEquals((await listFolder(directory)).sort(), ["config.json", "diffusion_pytorch_model.safetensors"]);
    const { __metadata__, ...tensors } = await readHeader(directory);
    assertEquals(__metadata__, { format: "pt" });
    const shapes = Object.entries(tensors).map(([name, { dtype, shape }]) => [name, dtype, shape]);
    assertEquals(shapes.sort(), [...files.checkpoint].map(([name, { shape }]) => [name, "F32", shape]).sort());

    using again = await VQModel.fromPretrained(directory, { device });
    assertEquals(again.config, model.config);
    assertEquals(await outputs(again), await outputs(model));
  });
});

for (const name of ["tiny-f16", "tiny-legacy", "tiny-bin", "tiny-sharded"]) {
  testOnEveryDevice(
    `${name} is saved into the directory it was loaded from, and loads from what was saved`,
    async (device) => {
      await withFolder(async (folder) => {
        const { directory, config } = loadGolden(name);
        for (const file of await listFolder(directory)) await Deno.copyFile(join(directory, file), join(folder, file));
        using model = await VQModel.fromPretrained(folder, { device });
        const expected = await outputs(model);
        await model.savePretrained(folder);
        await model.savePretrained(folder);

        for (const file of await listFolder(folder)) {
          const saved = ["config.json", "diffusion_pytorch_model.safetensors"].includes(file);
          if (!saved) await Deno.remove(join(folder, file));
        }
        assertEquals(JSON.parse(await Deno.readTextFile(join(folder, "config.json"))), config);
        const names = Object.keys(await readHeader(folder));
        assertEquals(names.filter((name) => /query|key|value|proj_attn/.test(name)), []);
        assert(names.includes("encoder.mid_block.attentions.0.to_q.weight"));
        using again = await VQModel.fromPretrained(folder, { device });
        assertEquals(again.numParameters(), model.numParameters());
        assertEquals(await outputs(again), expected);
      });
    },
  );
}

testOnEveryDevice("a model that is saved again and again does not change", async (device) => {
  await withFolder(async (folder) => {
    using model = await VQModel.fromPretrained(loadGolden("tiny-f4").directory, { device });
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    await model.savePretrained(first);
    using again = await VQModel.fromPretrained(first, { device });
    await again.savePretrained(second);
    for (const file of ["config.json", "diffusion_pytorch_model.safetensors"]) {
      assertEquals(await Deno.readFile(join(second, file)), await Deno.readFile(join(first, file)), file);
    }
  });
});

testOnEveryDevice("saving where there is no place for it is an error, and the model goes on", async (device) => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "in the way");
    using model = await makeModel(TINY, { device });
    await assertRejects(() => model.savePretrained(join(folder, "file")), HubError, "Cannot");
    await assertRejects(() => model.savePretrained(""), HubError, "expected a path");
    await assertRejects(() => model.savePretrained(join(folder, "none"), { maxShardSize: "1 potato" }), RangeError);
    await Deno.mkdir(join(folder, "taken", "config.json"), { recursive: true });
    await assertRejects(() => model.savePretrained(join(folder, "taken")), HubError, "to be a file");
    const url = toFileUrl(join(folder, "other"));
    await model.savePretrained(`${url}`);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["file", "other", "taken"]);
    assertEquals([...Deno.readDirSync(join(folder, "taken"))].length, 1, "what was there");
    assertEquals([...Deno.readDirSync(url)].length, 2);
  });
});

testOnEveryDevice("saving a model whose files are gone is an error, and writes nothing", async (device) => {
  await withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    using made = await makeModel(TINY, { device });
    await made.savePretrained(from);
    using model = await VQModel.fromPretrained(from, { device });
    await Deno.remove(from, { recursive: true });
    await assertRejects(() => model.savePretrained(to), HubError);
    await assertRejects(() => Deno.stat(to), Deno.errors.NotFound);
  });
});

/** What a model makes of a picture. */
async function outputs(model: VQModel): Promise<unknown[]> {
  using sample = picture(1, model.config.in_channels, 16, 20);
  const { sample: decoded, commitLoss } = await model.forward(sample);
  return [await take(decoded), await take(commitLoss), await model.tokenize(sample)];
}

async function listFolder(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
}

type Header = { __metadata__: object } & Record<string, { dtype: string; shape: number[] }>;

async function readHeader(folder: string): Promise<Header> {
  const bytes = await Deno.readFile(join(folder, "diffusion_pytorch_model.safetensors"));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
}

/** A device as callers open it: with the limits that WebGPU promises, not the adapter's. */
async function openDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  return await adapter!.requestDevice();
}
