/** Every stored result of Diffusers: by way of the public API, and stage by stage on each engine. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { openLocalModel } from "../../../hub/mod.ts";
import { type Backend, Graph, type Node, parametersOf } from "../../../kernels/mod.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { Tensor, VQModel } from "../../../mod.ts";
import { parseConfig } from "../../../model/architecture/config.ts";
import { loadWeights } from "../../../model/engine/checkpoint.ts";
import { assertClose, assertSameCodes, type Dense, type Golden, loadGolden } from "../../support/golden.ts";
import { modelGoldens, recordDecoder, recordEncoder, stage, take, tensorOf } from "../models.ts";
import { DEVICES, type Engine, testOn } from "../../support/engines.ts";

/** Relative error allowed for latents where 3×3 convolutions may be computed by Winograd's algorithm. */
const LATENTS = 3e-5;
/** The engines whose stages are compared, with what is allowed for latents and the stages before them. */
const ENGINES: { device: Engine; name: string; open: () => Promise<Backend>; tolerance: number }[] = [
  {
    device: "webgpu",
    name: "implicit GEMM on WebGPU",
    open: () => createWebGpuBackend({ algorithm: "implicitGemm" }),
    tolerance: 1e-5,
  },
  {
    device: "webgpu",
    name: "Winograd on WebGPU",
    open: () => createWebGpuBackend({ algorithm: "winograd" }),
    tolerance: LATENTS,
  },
  {
    device: "wasm",
    name: "implicit GEMM on WebAssembly, one thread, 128 bits",
    open: () => createWasmBackend({ threads: 1, wide: false, algorithm: "implicitGemm" }),
    tolerance: 1e-5,
  },
  {
    device: "wasm",
    name: "Winograd on WebAssembly, three threads, 256 bits",
    open: () => createWasmBackend({ threads: 3, wide: true, algorithm: "winograd" }),
    tolerance: LATENTS,
  },
];
const DECODED = 1e-4;
/** Without quantizing, spatial norms amplify rounding errors: float32 itself is off by up to 3e-5. */
const DECODED_SPATIAL = 3e-4;

const GOLDENS = modelGoldens();

Deno.test("there are goldens for the whole range of configurations", () => {
  assert(GOLDENS.length >= 14, `found only ${GOLDENS.join(", ")}`);
});

for (const name of GOLDENS) {
  for (const device of DEVICES) {
    Deno.test(`${name} encodes, quantizes and decodes as Diffusers does (${device})`, async (t) => {
      const golden = loadGolden(name);
      using model = await VQModel.fromPretrained(golden.directory, { device });
      for (const [claim, check] of claimsFor(model)) await t.step(claim, () => check(model, golden));
    });
  }

  for (const { device, name: engine, open, tolerance } of ENGINES) {
    testOn(device, `every stage of ${name} is Diffusers' (${engine})`, async () => {
      const golden = loadGolden(name);
      const backend = await open();
      try {
        await checkStages(backend, golden, tolerance);
      } finally {
        backend.dispose();
      }
    });
  }
}

type Check = (model: VQModel, golden: Golden) => Promise<void> | void;

/** What must hold for a model. */
function claimsFor({ config }: VQModel): [claim: string, check: Check][] {
  return [
    ["the parameters are as many", checkParameters],
    ["encode gives the latents", checkEncode],
    ["quantize gives codes, indices and loss", checkQuantize],
    ["decode quantizes and gives the picture", checkDecode],
    config.lookup_from_codebook
      ? ["decode takes indices instead of latents", checkDecodeIndices]
      : ["decode leaves out quantizing where it is told to", checkDecodeContinuous],
    ["forward encodes, quantizes and decodes", checkForward],
    ["tokenize gives the indices, detokenize the picture", checkTokens],
    ["a batch gives what its pictures give one by one", checkBatch],
  ];
}

function checkParameters(model: VQModel, golden: Golden): void {
  assertEquals(model.numParameters(), golden.info.parameters);
}

async function checkEncode(model: VQModel, golden: Golden): Promise<void> {
  using sample = tensorOf(golden.tensor("sample"));
  const expected = golden.tensor("latents");
  const { latents } = await model.encode(sample);
  assertEquals([latents.shape, latents.dtype], [expected.shape, "float32"]);
  const values = await take(latents);
  assertClose(values, expected.data, LATENTS, "latents");

  const tuple = await model.encode(sample, { returnDict: false });
  assertEquals(tuple.length, 1);
  assertEquals(await take(tuple[0]), values);
}

async function checkQuantize(model: VQModel, golden: Golden): Promise<void> {
  const latents = golden.tensor("latents");
  const [n, , h, w] = latents.shape;
  const { quantized, indices, loss } = await model.quantize(tensorOf(latents));
  assertEquals([quantized.shape, indices.shape, loss.shape], [latents.shape, [n, h, w], []]);
  assertEquals(indices.dtype, "int32");
  assertSameCodes(await take(indices), golden.integers("indices").data, golden.tensor("margin").data, "indices");
  assertClose(await take(quantized), golden.tensor("quant").data, 1e-6, "quantized");
  assertClose(await take(loss), golden.tensor("loss").data, 1e-4, "loss");
}

async function checkDecode(model: VQModel, golden: Golden): Promise<void> {
  using latents = tensorOf(golden.tensor("latents"));
  const expected = golden.tensor("decoded");
  const { sample, commitLoss } = await model.decode(latents);
  assertEquals([sample.shape, commitLoss.shape], [expected.shape, []]);
  const values = await take(sample);
  assertClose(values, expected.data, DECODED, "decoded");
  assertClose(await take(commitLoss), golden.tensor("loss").data, 1e-4, "commitLoss");

  const tuple = await model.decode(latents, { returnDict: false });
  assertEquals(tuple.length, 2);
  assertEquals(await take(tuple[0]), values);
  assertClose(await take(tuple[1]), golden.tensor("loss").data, 1e-4, "commitLoss of the tuple");
}

async function checkDecodeContinuous(model: VQModel, golden: Golden): Promise<void> {
  using latents = tensorOf(golden.tensor("latents"));
  const { sample, commitLoss } = await model.decode(latents, { forceNotQuantize: true });
  const tolerance = model.config.norm_type === "spatial" ? DECODED_SPATIAL : DECODED;
  assertClose(await take(sample), golden.tensor("decoded_no_quant").data, tolerance, "decoded without quantizing");
  assertEquals(await take(commitLoss), new Float32Array(latents.shape[0]));
}

async function checkDecodeIndices(model: VQModel, golden: Golden): Promise<void> {
  const [n, c, h, w] = golden.tensor("latents").shape;
  const { data } = golden.integers("indices");
  const expected = golden.tensor("decoded_from_indices");
  for (const shape of [[n, h, w], [n * h * w]]) { // as quantize gives them, and flat as Diffusers does
    using indices = new Tensor(data, shape);
    const { sample, commitLoss } = await model.decode(indices, { forceNotQuantize: true, shape: [n, h, w, c] });
    assertEquals(sample.shape, expected.shape);
    assertClose(await take(sample), expected.data, DECODED, "decoded from indices");
    assertEquals(await take(commitLoss), new Float32Array(n));
  }
}

async function checkForward(model: VQModel, golden: Golden): Promise<void> {
  using sample = tensorOf(golden.tensor("sample"));
  const output = await model.forward(sample);
  const values = await take(output.sample);
  assertClose(values, golden.tensor("decoded").data, DECODED, "forward");
  assertClose(await take(output.commitLoss), golden.tensor("loss").data, 1e-4, "commitLoss");

  const tuple = await model.forward(sample, { returnDict: false });
  assertEquals(tuple.length, 2);
  assertEquals(await take(tuple[0]), values);
  assertClose(await take(tuple[1]), golden.tensor("loss").data, 1e-4, "commitLoss of the tuple");
}

async function checkTokens(model: VQModel, golden: Golden): Promise<void> {
  using sample = tensorOf(golden.tensor("sample"));
  using latents = (await model.encode(sample)).latents;
  const { indices, quantized, loss } = await model.quantize(latents);
  [quantized, loss].forEach((tensor) => tensor.dispose());
  const tokens = await model.tokenize(sample);
  assertEquals(tokens.shape as readonly number[], indices.shape);
  assertEquals<unknown>(tokens.indices, await take(indices));
  assertSameCodes(tokens.indices, golden.integers("indices").data, golden.tensor("margin").data, "tokens");
  const { margins, ...same } = await model.tokenize(sample, { margins: true });
  assertEquals(same, tokens);
  assertAllWithin(margins!, golden.tensor("margin").data, 1e-4, "margins");

  assertClose(await take(await model.detokenize(tokens)), golden.tensor("decoded").data, DECODED, "detokenized");
}

function assertAllWithin(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string) {
  assertEquals(actual.length, expected.length, what);
  for (let i = 0; i < actual.length; i++) assertAlmostEquals(actual[i], expected[i], tolerance, `${what} at ${i}`);
}

/** The second picture is the first one upside down: fixtures hold one picture or several. */
async function checkBatch(model: VQModel, golden: Golden): Promise<void> {
  const first = firstItem(golden.tensor("sample"));
  const second = { ...first, data: first.data.toReversed() as Float32Array<ArrayBuffer> };
  const [together, ...single] = await Promise.all(
    [stack(first, second), first, second].map(async (sample) => {
      const { latents } = await model.encode(tensorOf(sample));
      const { sample: decoded } = await model.decode(latents);
      return [await take(latents), await take(decoded)];
    }),
  );
  [LATENTS, DECODED].forEach((tolerance, i) => {
    const half = together[i].length / 2;
    assertClose(together[i].subarray(0, half), single[0][i], tolerance, "first of the batch");
    assertClose(together[i].subarray(half), single[1][i], tolerance, "second of the batch");
  });
}

/** Runs encoder and decoder with the stages that the fixture holds as further outputs, and compares all of them. */
async function checkStages(backend: Backend, golden: Golden, tolerance: number): Promise<void> {
  const { config } = parseConfig(golden.config);
  const stages = golden.names.filter((name) => name.startsWith("act.")).map((name) => name.slice("act.".length));
  assert(stages.length >= 8, `found only ${stages.join(", ")}`);
  const ofEncoder = (name: string) => name.startsWith("encoder.");

  const encoder = new Graph();
  const sample = encoder.input(golden.tensor("sample").shape);
  const latents = recordEncoder(encoder, config, sample);
  const encoderStages = stages.filter(ofEncoder);
  const decoder = new Graph();
  const { quantized, decoded } = recordDecoder(decoder, config, decoder.input(golden.tensor("latents").shape));
  const decoderStages = stages.filter((name) => !ofEncoder(name));

  await loadGoldenWeights(backend, golden, [encoder, decoder]);
  const encoded = await run(backend, encoder, golden.tensor("sample"), [
    latents,
    ...encoderStages.map((name) => stage(encoder, name)),
  ]);
  assertClose(encoded[0].data, golden.tensor("latents").data, tolerance, "latents");
  encoderStages.forEach((name, i) => checkStage(golden, name, encoded[i + 1], tolerance));

  const results = await run(backend, decoder, golden.tensor("latents"), [
    quantized,
    decoded,
    ...decoderStages.map((name) => stage(decoder, name)),
  ]);
  assertClose(results[0].data, golden.tensor("quant").data, 1e-6, "quantized");
  assertClose(results[1].data, golden.tensor("decoded").data, DECODED, "decoded");
  decoderStages.forEach((name, i) => checkStage(golden, name, results[i + 2], tolerance));
}

/** Fixtures hold the stages of the first picture. */
function checkStage(golden: Golden, name: string, actual: Dense, tolerance: number): void {
  const expected = golden.tensor(`act.${name}`);
  const first = firstItem(actual);
  assertEquals(first.shape, expected.shape, name);
  assertClose(first.data, expected.data, tolerance, name);
}

async function loadGoldenWeights(backend: Backend, golden: Golden, graphs: Graph[]): Promise<void> {
  const { weights } = await openLocalModel(golden.directory);
  try {
    await loadWeights(weights, graphs.flatMap(parametersOf), backend);
  } finally {
    await weights.close();
  }
}

async function run(backend: Backend, graph: Graph, input: Dense, outputs: Node[]): Promise<Dense[]> {
  outputs.forEach((node) => graph.output(node));
  const program = await backend.compile(graph);
  const results = await program.run([tensorOf(input)]);
  const values = await Promise.all(results.map(async (tensor) => ({ shape: tensor.shape, data: await take(tensor) })));
  program.dispose();
  return values;
}

function firstItem({ data, shape: [n, ...item] }: Dense): Dense {
  return { data: data.slice(0, data.length / n), shape: [1, ...item] };
}

function stack(a: Dense, b: Dense): Dense {
  const data = new Float32Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { data, shape: [a.shape[0] + b.shape[0], ...a.shape.slice(1)] };
}
