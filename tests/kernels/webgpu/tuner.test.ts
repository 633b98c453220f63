/** Which algorithms and tiles are chosen from measured times, and how choices are stored. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  type Backend,
  type ConvParameter,
  Graph,
  type OpProfile,
  type Parameter,
  Tensor,
  type TuningStore,
} from "../../../kernels/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { type Choices, choicesOf, StoredChoices } from "../../../kernels/webgpu/tuning/choices.ts";
import { measureChoices } from "../../../kernels/webgpu/tuning/tuner.ts";
import { SOFTWARE } from "../../../kernels/webgpu/shader/tiles.ts";
import type { Choice } from "../../../kernels/webgpu/record/choice.ts";
import { assertClose } from "../../support/golden.ts";
import { randomTensor } from "../tensors.ts";
import { openDevice, testOn } from "../../support/engines.ts";

const [LOW, HIGH] = [{ rows: 1, columns: 4, lanesX: 8, lanesY: 1 }, { rows: 32, columns: 4, lanesX: 8, lanesY: 1 }];
const CANDIDATES = choicesOf({ ...SOFTWARE, tiles: [LOW, HIGH] }, true);

const layer = (name: string, out: number, kernel: 1 | 3 = 3): ConvParameter => ({
  kind: "conv",
  name,
  in: 8,
  out,
  kernel,
  stride: 1,
});

/** Two layers of one kind, one of another width, and one that Winograd's algorithm cannot compute. */
function graph(): Graph {
  const g = new Graph();
  const x = g.conv2d(g.input([1, 8, 4, 4]), layer("a", 8));
  g.output(g.conv2d(g.conv2d(g.conv2d(x, layer("b", 8)), layer("wide", 16)), { ...layer("point", 8, 1), in: 16 }));
  return g;
}

/** Measures the graph on engines that take `milliseconds`, and counts their runs. */
function measure(
  milliseconds: (name: string, candidate: Choice) => number,
  options: { signal?: AbortSignal; onProgress?: (measured: number, total: number) => void } = {},
) {
  const engines = { opened: 0, disposed: 0, runs: 0 };
  const open = (candidate: Choice) => {
    engines.opened++;
    const profile = (op: Graph["nodes"][number]): OpProfile => {
      const name = "weights" in op ? op.weights.name : op.kind;
      const compiling = engines.runs % 4 === 0 ? -1 : 0; // a first run that seems to take no time must not count
      return {
        op: op.kind,
        name,
        shape: op.shape,
        flops: 0,
        bytes: 0,
        milliseconds: milliseconds(name, candidate) + compiling,
      };
    };
    return {
      setParameter: (_: Parameter) => Promise.resolve(),
      compile: ({ nodes }: Graph) =>
        Promise.resolve({
          profile: () => {
            const ops = nodes.map(profile);
            engines.runs++;
            return Promise.resolve(ops);
          },
          dispose: () => {},
        }),
      dispose: () => engines.disposed++,
    } as unknown as Backend;
  };
  const result = measureChoices(graph(), { candidates: CANDIDATES, open }, options);
  return { engines, result };
}

testOn("webgpu", "the fastest tile and algorithm are chosen if they are clearly faster than the default", async () => {
  const { engines, result } = measure((name, { algorithm, tile }) => {
    if (name === "wide") return algorithm === "implicitGemm" && tile === HIGH ? 3 : 5;
    if (name === "a") return tile === LOW ? 4 : 6;
    if (name === "b") return tile === LOW ? 4 : 4.5; // with "a", like which it is, 8 to 10.5
    return tile === HIGH ? 9.5 : 10; // not worth a change
  });
  assertEquals(Object.fromEntries(await result), {
    "3×3 of 8 to [1,8,4,4]": { algorithm: "winograd", tile: LOW },
    "3×3 of 8 to [1,16,4,4]": { algorithm: "implicitGemm", tile: HIGH },
    "1×1 of 16 to [1,8,4,4]": {},
  });
  assertEquals(engines, { opened: 7, disposed: 7, runs: 28 });
});

testOn("webgpu", "measuring calls onProgress, and can be aborted", async () => {
  const controller = new AbortController();
  const told: number[][] = [];
  const onProgress = (...numbers: number[]) => {
    told.push(numbers);
    if (numbers[0] === 2) controller.abort(new Error("stop"));
  };
  const { engines, result } = measure(() => 1, { signal: controller.signal, onProgress });
  await assertRejects(() => result, Error, "stop");
  assertEquals(told, [[0, 7], [1, 7], [2, 7]]);
  assertEquals([engines.opened, engines.disposed], [2, 2]);
});

/** Texts in memory. */
function memoryStore(): TuningStore & { texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    read: (name) => Promise.resolve(texts.get(name)),
    write: (name, text) => Promise.resolve(void texts.set(name, text)),
  };
}

const INFO = { vendor: "10de", architecture: "hopper", device: "2330", description: "a GPU" } as GPUAdapterInfo;
const BOTH: Choice = { algorithm: "implicitGemm", tile: LOW };
const CHOICES: Choices = new Map([["some op", BOTH], ["other op", {}]]);
const kept = (store: TuningStore, info = INFO, { dtype = "float32", weights = "compact" } = {}) =>
  new StoredChoices(store, { ...info, dtype, weights }, choicesOf(SOFTWARE, true));

testOn("webgpu", "choices are stored for one adapter and element type, and added to", async () => {
  const store = memoryStore();
  await kept(store).add(CHOICES);
  assertEquals(await kept(store).read(), CHOICES);
  const { tile } = (await kept(store).read()).get("some op")!;
  assertEquals(SOFTWARE.tiles.includes(tile!), true, "one of the table, not one like it");
  const nothing: Choices = new Map();
  assertEquals(await kept(store, INFO, { dtype: "float16" }).read(), nothing);
  assertEquals(await kept(store, INFO, { weights: "fast" }).read(), nothing);
  assertEquals(await kept(store, { ...INFO, description: "another" } as GPUAdapterInfo).read(), nothing);

  const more: Choices = new Map([["some op", {}], ["third op", { algorithm: "winograd" }]]);
  await kept(store).add(more);
  assertEquals(await kept(store).read(), new Map([...CHOICES, ...more]));
});

testOn("webgpu", "stored choices are not trusted", async () => {
  const store = memoryStore();
  await kept(store).add(CHOICES);
  const [[name, text]] = store.texts;
  const file = JSON.parse(text);
  const read = async (changed: unknown) => {
    store.texts.set(name, typeof changed === "string" ? changed : JSON.stringify(changed));
    return (await kept(store).read()).size;
  };
  for (const broken of ["", "{", "null", "[]", text.slice(0, -9), "\0", { ...file, key: "another" }]) {
    assertEquals(await read(broken), 0, `${broken}`);
  }
  assertEquals(await read({ ...file, choices: "implicitGemm" }), 0);
  const odd = { "some op": { ...BOTH, tile: { ...LOW, rows: 1000 } }, "other op": null, third: { algorithm: "fft" } };
  assertEquals(await read({ ...file, choices: odd }), 0);

  const failing = { read: () => Promise.reject(new Error("gone")), write: () => Promise.reject(new Error("full")) };
  await kept(failing).add(CHOICES);
  assertEquals((await kept(failing).read()).size, 0);
});

/** A tile that takes no time to compile; by default Winograd's algorithm, also for a single pixel. */
const TUNING = {
  ...SOFTWARE,
  tiles: [{ rows: 1, columns: 4, lanesX: 8, lanesY: 1 }],
  weights: "compact",
  winogradTiles: 1,
} as const;
const NARROW = { kind: "conv", name: "layer", in: 96, out: 96, kernel: 3, stride: 1 } as const;

testOn(
  "webgpu",
  "a tuned engine computes the same with its stored choices, and so does the next engine",
  async () => {
    const tuningStore = memoryStore();
    const [weight, bias] = [randomTensor([96, 96, 3, 3], 1, 0.05).data, randomTensor([96], 2).data];
    const picture = randomTensor([1, 96, 1, 1], 3);
    const g = new Graph();
    g.output(g.conv2d(g.input([1, 96, 1, 1]), NARROW));
    const compute = async (backend: Backend) => {
      const program = await backend.compile(g);
      const [result] = await program.run([new Tensor(picture.data, picture.shape)]);
      return await result.data() as Float32Array<ArrayBuffer>;
    };

    const backend = await createWebGpuBackend({ tuning: TUNING, tuningStore });
    await backend.setParameter(NARROW, weight, bias);
    const [expected, bytes] = [await compute(backend), backend.measure(g)];
    // For a picture of one pixel, Winograd's algorithm multiplies four times as much, after it has transformed the weights.
    await backend.tune(g);
    assertLess(backend.measure(g), bytes / 3);
    assertClose(await compute(backend), expected, 1e-5, "by the other algorithm");
    backend.dispose();

    const next = await createWebGpuBackend({ tuning: TUNING, tuningStore });
    await next.setParameter(NARROW, weight, bias);
    assertLess(next.measure(g), bytes / 3);
    assertClose(await compute(next), expected, 1e-5, "on the next engine");
    next.dispose();
  },
);

testOn("webgpu", "graphs of tokens and pictures are tuned, and no buffers are left on the device", async () => {
  const device = await openDevice({ requiredFeatures: ["timestamp-query"] });
  let buffers = 0;
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let isAlive = true;
    buffers++;
    buffer.destroy = () => {
      buffers -= Number(isAlive);
      isAlive = false;
      destroy();
    };
    return buffer;
  };
  const codebook = { kind: "codebook", name: "codes", codes: 4, channels: 8 } as const;
  const conv = (name: string, ins: number) => ({ kind: "conv", name, in: ins, out: 8, kernel: 3, stride: 1 } as const);
  const g = new Graph();
  g.output(g.conv2d(g.lookup(g.input([1, 4, 4], "int32"), codebook), conv("of tokens", 8)));
  g.output(g.conv2d(g.pixels([1, 3, 4, 4], "unit"), conv("of a picture", 3)));
  const backend = await createWebGpuBackend({ tuning: TUNING, device });
  await backend.tune(g);
  backend.dispose();
  assertEquals(buffers, 0);
  device.destroy();
});
