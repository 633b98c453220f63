/** Halves of a model: what they compute, hold and refuse. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { type LoadOptions, type ModelHalf, Tensor, type VQConfig, VQModel, WeightsError } from "../../../mod.ts";
import { ANY_DEVICE, testOn, testOnEveryDevice } from "../../support/engines.ts";
import { withFolder } from "../../support/folders.ts";
import { withThreads } from "../../kernels/wasm/threads.ts";
import { checkpointOf, LOOKUP, makeModel, MemoryFiles, MOVQ, picture, take, TINY } from "../models.ts";

/** The tensors of each half alone. */
const OWN = { encoder: /^(encoder|quant_conv)\./, decoder: /^(decoder|post_quant_conv)\./ };
const OTHER = { encoder: "decoder", decoder: "encoder" } as const;
const HALVES = ["encoder", "decoder"] as const;

interface Half {
  readonly files: MemoryFiles;
  readonly model: VQModel;
}

async function loadHalf(
  only: ModelHalf,
  config: Partial<VQConfig> = TINY,
  options: Partial<LoadOptions> = {},
): Promise<Half> {
  const files = new MemoryFiles(config, checkpointOf(config));
  const model = await VQModel.fromFiles(files.opener, { device: ANY_DEVICE, only, ...options });
  return { files, model };
}

for (const [name, config] of Object.entries({ TINY, MOVQ, LOOKUP })) {
  testOnEveryDevice(`each half of ${name} computes what the whole model does, bit for bit`, async (device) => {
    using whole = await makeModel(config, { device });
    using encoder = (await loadHalf("encoder", config, { device })).model;
    using decoder = (await loadHalf("decoder", config, { device })).model;
    assertEquals([whole.only, encoder.only, decoder.only], [undefined, "encoder", "decoder"]);
    using sample = picture(2, 3, 16, 24);
    using latents = (await whole.encode(sample)).latents;
    const tokens = await whole.tokenize(sample);

    assertEquals(await take((await encoder.encode(sample)).latents), await latents.data());
    assertEquals(await encoder.tokenize(sample), tokens);
    const expected = await whole.decode(latents);
    const actual = await decoder.decode(await onHost(latents));
    assertEquals(await take(actual.sample), await take(expected.sample));
    assertEquals(await take(actual.commitLoss), await take(expected.commitLoss));
    assertEquals(await take(await decoder.detokenize(tokens)), await take(await whole.detokenize(tokens)));
    const options = { forceNotQuantize: true, shape: [...tokens.shape, latents.shape[1]] };
    const decode = async (model: VQModel) => {
      const input = config === LOOKUP ? tokens.indices : await onHost(latents);
      return await take((await model.decode(input, options)).sample);
    };
    assertEquals(await decode(decoder), await decode(whole));
    for (const half of [encoder, decoder]) {
      const [own, all] = [await half.quantize(await onHost(latents)), await whole.quantize(latents)];
      for (const key of ["quantized", "indices", "loss"] as const) {
        assertEquals(await take(own[key]), await take(all[key]), key);
      }
      assertEquals(await half.codebook(), await whole.codebook());
    }
  });
}

async function onHost(tensor: Tensor): Promise<Tensor> {
  return new Tensor(await tensor.data(), tensor.shape);
}

testOnEveryDevice("a half reads and holds its own layers and the codebook alone", async (device) => {
  const config = { ...TINY, block_out_channels: [32, 64], norm_num_groups: 8 };
  using whole = await makeModel(config, { device });
  const codes = 24 * 3;
  let parameters = 0;
  let weights = 0;
  for (const only of HALVES) {
    const { files, model } = await loadHalf(only, config, { device });
    const expected = [...files.checkpoint.keys()].filter((name) => !OWN[OTHER[only]].test(name));
    assertEquals(files.reads.toSorted(), expected.sort());
    parameters += model.numParameters();
    weights += model.memory().weights;
    assertLess(model.memory().weights, 0.7 * whole.memory().weights);
    await model.codebook();
    assertEquals(files.reads.length, expected.length + 1);
    model.dispose();
  }
  assertEquals(parameters, whole.numParameters() + codes);
  assertLess(weights, 1.1 * whole.memory().weights);
});

Deno.test("methods of the other half are refused before they compute, and say how to load it", async () => {
  using sample = picture(1, 3, 8, 8);
  using latents = picture(1, 3, 4, 4);
  const tokens = { indices: [1], shape: [1, 1, 1] } as const;
  const both = (model: VQModel): (() => Promise<unknown>)[] => [
    () => model.forward(sample),
    () => model.profile(sample),
    () => Promise.try(() => model.memory({ shape: sample.shape })),
    () => Promise.try(() => model.memory({ shape: sample.shape, method: "forward" })),
  ];
  const { model: encoder } = await loadHalf("encoder");
  const { model: decoder } = await loadHalf("decoder");
  const decoding = [
    () => encoder.decode(latents),
    () => encoder.decode(latents, { forceNotQuantize: true }),
    () => encoder.detokenize(tokens),
    () => Promise.try(() => encoder.memory({ shape: latents.shape, method: "decode" })),
    () => Promise.try(() => encoder.memory({ shape: [1, 4, 4], method: "detokenize" })),
  ];
  const encoding = [
    () => decoder.encode(sample),
    () => decoder.tokenize(sample),
    () => Promise.try(() => decoder.memory({ shape: sample.shape, method: "tokenize" })),
  ];
  const message = {
    encoder: 'Cannot run the decoder: only the encoder is loaded. Load the model without only: "encoder"',
    decoder: 'Cannot run the encoder: only the decoder is loaded. Load the model without only: "decoder"',
  };
  const before = [encoder.memory(), decoder.memory()];
  for (const call of [...both(encoder), ...decoding]) await assertRejects(call, TypeError, message.encoder);
  for (const call of [...both(decoder), ...encoding]) await assertRejects(call, TypeError, message.decoder);
  assertEquals([encoder.memory(), decoder.memory()], before);

  for (const [model, only] of [[encoder, "encoder"], [decoder, "decoder"]] as const) {
    const text = `Cannot save the model: only the ${only} is loaded. Load it without only: "${only}"`;
    await withFolder(async (folder) => {
      await assertRejects(() => model.savePretrained(folder), TypeError, text);
      assertEquals([...Deno.readDirSync(folder)], []);
    });
    await assertRejects(() => model.pushToHub("owner/name", { token: "hf_none" }), TypeError, text);
    model.dispose();
  }
});

Deno.test("memory() plans the methods of the half, as for the whole model", async () => {
  using whole = await makeModel();
  for (
    const [only, method, shape] of [["encoder", "tokenize", [1, 3, 32, 32]], ["decoder", "decode", [
      1,
      3,
      16,
      16,
    ]]] as const
  ) {
    using model = (await loadHalf(only)).model;
    const { weights, activations, peak } = model.memory({ method, shape });
    assertEquals(activations, whole.memory({ method, shape }).activations);
    assertEquals([weights, peak], [model.memory().weights, weights + activations]);
  }
});

Deno.test("anything but a half is refused before files are opened, and the message names the two", async () => {
  const files = new MemoryFiles(TINY, checkpointOf(TINY));
  for (const only of ["both", "Encoder", "", null, true, ["encoder"]] as never[]) {
    const loads = [
      () => VQModel.fromFiles(files.opener, { only }),
      () => VQModel.fromPretrained("./none", { only }),
      () => VQModel.fromSingleFile("./none.ckpt", { only }),
    ];
    for (const load of loads) {
      await assertRejects(load, TypeError, 'expected only to be "encoder" or "decoder", or undefined');
    }
  }
  assertEquals(files.open, 0);
  using whole = await VQModel.fromFiles(files.opener, { device: ANY_DEVICE, only: undefined });
  assertEquals(whole.only, undefined);
});

Deno.test("tensors of the other half may be missing, misshapen or unknown; those of the half may not", async () => {
  for (const only of HALVES) {
    const load = async (change: (files: MemoryFiles) => void, strict?: boolean) => {
      const ignored: string[] = [];
      const files = new MemoryFiles({ ...TINY, _class_name: "VQModel" }, checkpointOf(TINY));
      change(files);
      using _model = await VQModel.fromFiles(files.opener, {
        ...{ device: ANY_DEVICE, only, strict },
        onProgress: ({ tensors = [] }) => ignored.push(...tensors),
      });
      return ignored;
    };
    const other = OTHER[only];
    const stored = { shape: [1], values: () => new Float32Array(1) };
    const remove = (half: ModelHalf) => ({ checkpoint }: MemoryFiles) => {
      for (const name of checkpoint.keys()) if (OWN[half].test(name)) checkpoint.delete(name);
    };
    const add = (...names: string[]) => ({ checkpoint }: MemoryFiles) =>
      names.forEach((n) => checkpoint.set(n, stored));

    assertEquals(await load(remove(other)), []);
    assertEquals(await load(add(`${other}.conv_in.weight`, `${other}.extra.weight`)), []);
    assertEquals(await load(add("loss.weight")), ["loss.weight"]);
    await assertRejects(() => load(remove(only)), WeightsError, " missing: ");
    await assertRejects(() => load(add(`${only}.extra.weight`)), WeightsError, `1 unexpected: ${only}.extra.weight`);
    assertEquals(await load(add(`${only}.extra.weight`), false), [`${only}.extra.weight`]);
    await assertRejects(() => load(add("quantize.embedding.weight")), WeightsError, "1 misshapen");
  }
});

testOn("wasm", "a half whose engine is replaced is loaded again as that half", async () => {
  const threads = new Set<{ terminate(): Promise<number> }>();
  await withThreads((thread) => threads.add(thread), async () => {
    const { files, model } = await loadHalf("decoder", TINY, { device: "auto", threads: 2 });
    const tokens = [[1, 2], [3, 4]];
    const expected = await take(await model.detokenize(tokens));
    const [thread] = threads;
    const reads = files.reads.splice(0);
    await thread.terminate();
    assertEquals(await take(await model.detokenize(tokens)), expected);
    assertEquals(files.reads, reads);
    assertEquals([model.only, files.open], ["decoder", 0]);
    model.dispose();
  });
});
