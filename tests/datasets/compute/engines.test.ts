/** The engines that are chosen by measuring the first pictures of a long run. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { alternativesTo, startWorker } from "../../../cli/datasets/engines.ts";
import {
  chooseEngines,
  type EngineModel,
  type Engines,
  type EngineSet,
  folderSink,
  tokenizeDataset,
} from "../../../datasets/mod.ts";
import { DeviceError, VQModel } from "../../../mod.ts";
import { withFolder } from "../../support/folders.ts";
import { contentOf, LEAVES, numbered } from "../pictures.ts";

/** A model that only has a number of threads. */
const modelOf = (threads: number) => ({ threads }) as VQModel;

/** Sets of models, and what became of them. */
function setsOf(...shapes: (readonly [engines: number, threads: number])[]) {
  const log: string[] = [];
  const sets = shapes.map(([engines, threads]): EngineSet => ({
    engines,
    threads,
    load() {
      log.push(`load ${engines}`);
      return Promise.resolve(Array.from({ length: engines }, () => modelOf(threads)));
    },
    dispose: () => log.push(`dispose ${engines}`),
  }));
  return { log, sets };
}

/** Computes pictures one by one on all free models. All of a set take the milliseconds that `timeOf` says. */
async function compute(engines: Engines, pictures: number, timeOf: (models: number) => number, isKnown = true) {
  const { now } = performance;
  let time = 0;
  performance.now = () => time;
  const used: number[] = [];
  try {
    const open = engines.open(() => isKnown ? pictures : undefined);
    while (pictures > 0) {
      const models: EngineModel[] = [];
      while (open.isFree() && models.length < pictures) models.push(open.take(1));
      time += timeOf(models.length);
      pictures -= models.length;
      for (const model of models) {
        used.push(models.length);
        open.give(model, 1, true);
      }
      for (let i = 0; i < 9; i++) await Promise.resolve(); // until sets are loaded
    }
  } finally {
    performance.now = now;
  }
  return used;
}

Deno.test("a long run uses each set of engines in turn, and then the fastest, also in later runs", async () => {
  const { sets, log } = setsOf([2, 4], [4, 1]);
  const engines = chooseEngines(modelOf(4), sets);
  const used = await compute(engines, 449, (models) => [0, 10, 18, 0, 30][models]);
  assertEquals(log, ["load 2", "load 4", "dispose 2"]);
  const { rates, ...use } = engines.use;
  assertEquals(use, { engines: 4, threads: 1, choice: "measured" });
  assertEquals(rates.map(({ picturesPerSecond }) => Math.round(picturesPerSecond)), [100, 111, 133]);
  assertEquals([used[0], new Set(used.slice(0, 160)), new Set(used.slice(160))], [1, new Set([1, 2, 4]), new Set([4])]);
  assertEquals(new Set(await compute(engines, 8, () => 1)), new Set([4]));
});

Deno.test("one engine stays where no other is faster; what was measured is said", async () => {
  const { sets, log } = setsOf([2, 2]);
  const engines = chooseEngines(modelOf(2), sets);
  await compute(engines, 300, (models) => 10 * models);
  assertEquals(log, ["load 2", "dispose 2"]);
  assertEquals(engines.use.rates.map(({ engines, threads }) => [engines, threads]), [[1, 2], [2, 2]]);
  assertEquals([engines.use.engines, engines.use.choice], [1, "measured"]);
});

Deno.test("runs that are short, or not known to be long, measure nothing; many of them do", async () => {
  const { sets, log } = setsOf([2, 2]);
  const engines = chooseEngines(modelOf(2), sets);
  await compute(engines, 200, (models) => 10 * models);
  assertEquals([log, engines.use.choice], [[], "few pictures"]);
  await compute(engines, 100, (models) => 10 * models, false);
  assertEquals([log.length > 0, engines.use.choice], [true, "measuring"]);
  for (let run = 0; run < 8; run++) await compute(engines, 16, () => 10); // enough for one turn
  assertEquals([engines.use.engines, engines.use.choice], [2, "measured"]);

  const others = setsOf([2, 2]);
  const known = chooseEngines(modelOf(2), others.sets);
  await compute(known, 280, (models) => 10 * models);
  await compute(known, 20, (models) => 10 * models);
  assertEquals(others.log, []); // when enough were computed, too few were left
});

Deno.test("engines that cannot be loaded are left out", async () => {
  const { sets: [set], log } = setsOf([2, 2]);
  const engines = chooseEngines(modelOf(2), [{ ...set, load: () => Promise.reject(new Error("no memory")) }]);
  assertEquals(new Set(await compute(engines, 300, () => 10)), new Set([1]));
  assertEquals([log, engines.use.choice], [["dispose 2"], "no alternative"]);
});

Deno.test("a worker that does not start is an error of its engine, and does not end the program", async () => {
  const worker = startWorker(new URL("data:text/javascript,throw new Error('bad')"));
  await assertRejects(() => VQModel.inWorker(worker, LEAVES), DeviceError, "ended unexpectedly");
  await new Promise((resolve) => setTimeout(resolve, 50)); // the program would end now
});

Deno.test("tokens are the same whichever engines compute them", async () => {
  using model = await VQModel.fromPretrained(LEAVES, { device: "wasm", threads: 2, only: "encoder" });
  const sets = await alternativesTo(model, LEAVES, { device: "wasm", threads: "2" }, { only: "encoder", side: 16 });
  const loads: Promise<unknown>[] = [];
  const engines = chooseEngines(
    model,
    sets.map((set) => {
      const load = () => {
        loads.push(set.load());
        return loads.at(-1) as ReturnType<typeof set.load>;
      };
      return { ...set, load };
    }),
  );
  const source = {
    shards: [{
      name: "0",
      pictures: 1000, // long enough to measure, though there are fewer
      async *open() {
        for (let i = 0; i < 350; i++) {
          if (i === 150) await Promise.all(loads);
          yield { key: `${i}`, name: `${i}.png`, bytes: () => Promise.resolve(numbered(i, 16)) };
        }
      },
    }],
  };
  await withFolder(async (folder) => {
    const [one, all] = [join(folder, "one"), join(folder, "all")];
    await tokenizeDataset(engines, source, folderSink(all));
    const { choice, rates } = engines.use;
    assertEquals(choice, "measured");
    assertEquals(rates.map(({ engines, threads }) => [engines, threads]), [[1, 2], [2, 2], [2, 1]]);
    assert(rates.every(({ picturesPerSecond }) => picturesPerSecond > 0));
    await tokenizeDataset(model, source, folderSink(one));
    assertEquals(await contentOf(all), await contentOf(one));
  });
  for (const set of sets) set.dispose();
});
