/** Decoding again only what changed tokens reach. */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { type DetokenizeOptions, Tensor, type Tokens, VQModel } from "../../../mod.ts";
import { loadBundled, relativeError } from "../../support/golden.ts";
import { ANY_DEVICE, testOn, testOnEveryDevice } from "../../support/engines.ts";
import { repository } from "../../support/paths.ts";
import { checkpointOf, makeModel, MemoryFiles, MOVQ, take, TINY } from "../models.ts";

type Changed = NonNullable<DetokenizeOptions["changed"]>;

/** How far around an edit the picture is replaced, in tokens. */
const REACH = 6;

/** With everything that reaches everywhere: attentions in the mid block and a level, spatial norms. */
const SHALLOW: typeof MOVQ = {
  ...MOVQ,
  block_out_channels: [32, 64],
  down_block_types: ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
  up_block_types: ["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
};

/** 34×30 tokens of the bundled model: those of its golden, repeated. */
function bundledTokens(): Tokens {
  const { data } = loadBundled().integers("indices");
  const side = Math.sqrt(data.length);
  const indices = Int32Array.from({ length: 34 * 30 }, (_, i) => data[Math.floor(i / 30) % side * side + i % 30]);
  return { indices, shape: [1, 34, 30] };
}

/** Random tokens. */
function randomTokens(shape: Tokens["shape"], codes: number): Tokens {
  let state = 1;
  const next = () => (state = Math.imul(state, 1664525) + 1013904223 >>> 0) / 2 ** 32;
  return {
    indices: Int32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => Math.floor(next() * codes)),
    shape,
  };
}

/** The tokens with a rectangle of every picture replaced. */
function edit({ indices, shape: [n, h, w] }: Tokens, [y0, x0, y1, x1]: Changed, code: (i: number) => number): Tokens {
  const changed = indices.map((index, i) => {
    const [y, x] = [Math.floor(i / w) % h, i % w];
    return y >= y0 && y < y1 && x >= x0 && x < x1 ? code(i) : index;
  });
  return { indices: changed, shape: [n, h, w] };
}

/** Largest differences of two pictures in the part that an edit replaces, and elsewhere. */
function differences(a: Tensor, b: Tensor, [y0, x0, y1, x1]: Changed, scale: number) {
  const [height, width] = a.shape.slice(2);
  const [inside, outside] = [[0], [0]];
  const [actual, expected] = [a.storage as Float32Array, b.storage as Float32Array];
  for (let i = 0; i < actual.length; i++) {
    const [y, x] = [Math.floor(i / width) % height / scale, i % width / scale];
    const isInside = y >= y0 - REACH && y < y1 + REACH && x >= x0 - REACH && x < x1 + REACH;
    const most = isInside ? inside : outside;
    most[0] = Math.max(most[0], Math.abs(actual[i] - expected[i]));
  }
  return { inside: inside[0], outside: outside[0] };
}

async function toHost(picture: Tensor): Promise<Tensor> {
  return new Tensor(await take(picture), picture.shape);
}

/** A hundredth of the range of pixels that the bundled model gives. */
const PERCENT = 0.02;

testOnEveryDevice("an edit changes the picture as decoding the whole does, and nothing far away", async (device) => {
  using model = await VQModel.fromPretrained(repository("examples/models/leaves-f4"), { device });
  const tokens = bundledTokens();
  const previous = await model.detokenize(tokens, { editable: true });
  const plain = await toHost(await model.detokenize(tokens));
  const before = new Tensor(await previous.data() as Float32Array, previous.shape);
  assertEquals(before.storage, plain.storage);
  for (const changed of [[20, 14, 22, 17], [33, 0, 34, 1]] as const) {
    const after = edit(tokens, changed, (i) => i * 37 % 1024);
    const whole = await toHost(await model.detokenize(after));
    const partial = await model.detokenize(after, { changed, previous });
    assertEquals(partial.shape, whole.shape);
    const { inside, outside } = differences(partial, whole, changed, 4);
    assertLess(inside, 2 * PERCENT, `edit of [${changed}]`);
    assertLess(outside, 2 * PERCENT, `edit of [${changed}]`);
    const changes = differences(partial, before, changed, 4);
    assert(changes.inside > 10 * PERCENT, `the edit of [${changed}] is seen: ${changes.inside}`);
    assertEquals(changes.outside, 0);
  }
  assertEquals(await previous.data(), before.storage); // not changed by edits
});

testOn("wasm", "edits in a row do not drift, and taking them back gives the first picture", async () => {
  using model = await VQModel.fromPretrained(repository("examples/models/leaves-f4"), { device: "wasm" });
  const tokens = bundledTokens();
  const first = await model.detokenize(tokens, { editable: true });
  const changed = [20, 14, 22, 17] as const;
  let previous = first;
  const undone: Tensor[] = [];
  for (let round = 0; round < 3; round++) {
    const after = edit(tokens, changed, (i) => (i + round) * 37 % 1024);
    previous = await model.detokenize(after, { changed, previous });
    previous = await model.detokenize(tokens, { changed, previous });
    undone.push(previous);
  }
  const before = new Tensor(await first.data() as Float32Array, first.shape);
  const { inside, outside } = differences(undone[0], before, changed, 4);
  assertLess(inside, 0.3 / 127.5); // of 255 levels
  assertEquals(outside, 0);
  for (const picture of undone) assertEquals(picture.storage, undone[0].storage);
});

for (const [name, config] of Object.entries({ SHALLOW, groups: { ...SHALLOW, norm_type: "group" as const } })) {
  testOnEveryDevice(`${name}: tokens that did not change give the same picture, in every picture`, async (device) => {
    using model = await makeModel(config, { device });
    const tokens = randomTokens([2, 29, 30], 40);
    const previous = await toHost(await model.detokenize(tokens));
    const kept = await model.detokenize(tokens, { editable: true });
    const partial = await model.detokenize(tokens, { changed: [13, 13, 14, 15], previous: kept });
    assertLess(relativeError(partial.storage as Float32Array, previous.storage as Float32Array), 1e-2);
  });
}

testOn("wasm", "a memory limit, the decoder alone and any number of threads give the same", async () => {
  const tokens = randomTokens([2, 40, 30], 40);
  const changed = [20, 3, 22, 5] as const;
  const after = edit(tokens, changed, (i) => i % 40);
  const decode = async (model: VQModel) => {
    const previous = await model.detokenize(tokens, { editable: true });
    return await take(await model.detokenize(after, { changed, previous }));
  };
  const open = new MemoryFiles(MOVQ, checkpointOf(MOVQ)).opener;
  using whole = await VQModel.fromFiles(open, { device: "wasm", threads: 1 });
  const expected = await decode(whole);
  using decoder = await VQModel.fromFiles(open, { device: "wasm", threads: 3, only: "decoder" });
  assertEquals(await decode(decoder), expected);
  const { weights, peak } = whole.memory({ method: "detokenize", shape: tokens.shape });
  whole.memoryLimit = weights + (peak - weights) * 0.7;
  assertLess(relativeError(await decode(whole), expected), 1e-5);
});

Deno.test("where a window would be the whole grid, the picture is decoded exactly", async () => {
  using model = await makeModel(TINY, { device: ANY_DEVICE });
  const tokens = randomTokens([2, 12, 9], 24);
  const previous = await model.detokenize(tokens, { editable: true });
  const after = edit(tokens, [0, 0, 3, 2], () => 5);
  const picture = await model.detokenize(after, { changed: [0, 0, 3, 2], previous });
  assertEquals(await picture.data(), await take(await model.detokenize(after)));
  const next = await model.detokenize(tokens, { changed: [0, 0, 3, 2], previous: picture });
  assertEquals(await next.data(), await previous.data());
});

Deno.test("an empty rectangle copies the previous picture", async () => {
  using model = await makeModel(TINY, { device: ANY_DEVICE });
  const tokens = randomTokens([1, 12, 9], 24);
  const previous = await model.detokenize(tokens, { editable: true });
  for (const changed of [[0, 0, 0, 5], [12, 9, 12, 9], [4, 3, 8, 3]] as const) {
    const copy = await model.detokenize(tokens, { changed, previous });
    assertEquals(await copy.data(), await previous.data());
    await model.detokenize(tokens, { changed: [0, 0, 1, 1], previous: copy }); // it can be edited further
  }
});

Deno.test("progress is reported, and a signal stops", async () => {
  using model = await makeModel(SHALLOW, { device: ANY_DEVICE });
  const tokens = randomTokens([1, 30, 30], 40);
  const previous = await model.detokenize(tokens, { editable: true });
  const calls: [number, number][] = [];
  const changed = [3, 3, 5, 5] as const;
  await model.detokenize(tokens, { changed, previous, onProgress: (...call) => calls.push(call) });
  assertEquals(calls.at(-1)![0], calls.at(-1)![1]);
  const signal = AbortSignal.abort(new Error("enough"));
  for (const region of [changed, [0, 0, 0, 0]] as const) {
    await assertRejects(() => model.detokenize(tokens, { changed: region, previous, signal }), Error, "enough");
  }
});

Deno.test("other pictures, tokens and rectangles are refused", async () => {
  using model = await makeModel(TINY, { device: ANY_DEVICE });
  using other = await makeModel(TINY, { device: ANY_DEVICE });
  const tokens = randomTokens([1, 4, 5], 24);
  const previous = await model.detokenize(tokens, { editable: true });
  const changed = [0, 0, 1, 1] as const;
  const refuses = async (options: object, Expected: typeof TypeError | typeof RangeError, message: string) => {
    await assertRejects(() => model.detokenize(tokens, options), Expected, message);
  };
  for (
    const [bad, Expected, message] of [
      [[0, 0, 5, 1], RangeError, "within 4 rows and 5 columns"],
      [[0, 0, 1, 6], RangeError, "found [0,0,1,6]"],
      [[-1, 0, 1, 1], RangeError, "[-1,0,1,1]"],
      [[2, 0, 1, 1], RangeError, "y0 ≤ y1"],
      [[0, 3, 1, 2], RangeError, "x0 ≤ x1"],
      [[0, 0, 1.5, 1], TypeError, "whole numbers"],
      [[0, 0, 1], TypeError, "[y0, x0, y1, x1]"],
      ["all", TypeError, "[y0, x0, y1, x1]"],
      [undefined, TypeError, "[y0, x0, y1, x1]"],
    ] as const
  ) await refuses({ changed: bad, previous }, Expected, message);
  await refuses({ changed }, TypeError, "previous: expected a Tensor");
  await refuses({ changed, previous: await model.detokenize(tokens) }, TypeError, "editable: true");
  await refuses({ changed, previous: await other.detokenize(tokens, { editable: true }) }, TypeError, "this model");
  await refuses({ changed, previous: new Tensor(new Float32Array(240), [1, 3, 8, 10]) }, TypeError, "editable: true");
  const larger = await model.detokenize(randomTokens([2, 4, 5], 24), { editable: true });
  await refuses({ changed, previous: larger }, RangeError, "[1,4,5], but previous was decoded from [2,4,5]");
  previous.dispose();
  await refuses({ changed, previous }, TypeError, "previous: the tensor was disposed");
});

testOn("wasm", "what is kept is in the model's memory", async () => {
  using model = await makeModel(MOVQ, { device: "wasm" });
  const tokens = randomTokens([1, 20, 20], 40);
  const before = model.memory().used;
  const picture = await model.detokenize(tokens);
  const plain = model.memory().used - before;
  picture.dispose();
  const editable = await model.detokenize(tokens, { editable: true });
  // Keys and values of the attentions: one in the mid block and two in the level.
  assertLess(3 * 2 * 4 * 64 * 400, model.memory().used - before - plain);
  editable.dispose();
});

testOn("wasm", "what is kept is freed once all pictures that need it are disposed", async () => {
  using model = await makeModel(SHALLOW, { device: "wasm" });
  const tokens = randomTokens([1, 40, 30], 40);
  const before = model.memory().used;
  const first = await model.detokenize(tokens, { editable: true });
  const decoding = model.detokenize(tokens, { changed: [1, 1, 2, 2], previous: first });
  first.dispose();
  first.dispose();
  const second = await decoding;
  const third = await model.detokenize(tokens, { changed: [0, 0, 0, 0], previous: second });
  second.dispose();
  assertLess(before, model.memory().used);
  const last = await model.detokenize(tokens, { changed: [1, 1, 2, 2], previous: third });
  third.dispose();
  last.dispose();
  assertEquals(model.memory().used, before);
});
