import { assert, assertEquals, assertRejects } from "@std/assert";
import { Tensor, VQModel } from "../../mod.ts";
import { repository } from "../support/paths.ts";
import { testOn } from "../support/engines.ts";

const MODEL = repository("examples/models/leaves-f4");

function picture(side: number): Tensor {
  return new Tensor(Float32Array.from({ length: 3 * side * side }, (_, i) => Math.sin(i)), [1, 3, side, side]);
}

/** Engines, and pictures that take them a few tenths of a second. */
const ENGINES = [
  [{ device: "wasm", threads: 1 }, 384],
  [{ device: "wasm", threads: 2 }, 512],
  [{ device: "webgpu" }, 64],
  [{ device: "webgpu", dtype: "float16" }, 64],
] as const;

for (const [engine, side] of ENGINES) {
  testOn(engine.device, `${JSON.stringify(engine)} tells how far a call is, and computes the same`, async () => {
    using model = await VQModel.fromPretrained(MODEL, engine);
    const told: [done: number, total: number][] = [];
    const onProgress = (done: number, total: number) => void told.push([done, total]);
    const tokens = await model.tokenize(picture(side), { onProgress });
    assertEquals(tokens.indices, (await model.tokenize(picture(side))).indices);

    assert(told.length > 1, `told ${told.length} times`);
    const [, total] = told[0];
    told.forEach(([done, all], i) => assert(all === total && done >= (told[i - 1]?.[0] ?? 0)));
    assertEquals(told.at(-1), [total, total]);

    const done = new Set<string>();
    const all = (call: string) => (ops: number, total: number) => void (ops === total && done.add(call));

    const { latents } = await model.encode(picture(64), { onProgress: all("encode") });
    const { sample } = await model.decode(latents, { onProgress: all("decode") });
    const decoded = await model.detokenize({ indices: [1, 2, 3, 4], shape: [1, 2, 2] }, {
      onProgress: all("detokenize"),
    });
    const forwarded = await model.forward(picture(64), { onProgress: all("forward") });
    assertEquals(await forwarded.sample.data(), await sample.data());
    decoded.dispose();
    assertEquals([...done].sort(), ["decode", "detokenize", "encode", "forward"]);
  });

  testOn(
    engine.device,
    `${JSON.stringify(engine)} rejects with what onProgress throws, and goes on computing`,
    async () => {
      using model = await VQModel.fromPretrained(MODEL, engine);
      const { indices } = await model.tokenize(picture(side));
      const { used } = model.memory();
      const wrong = new Error("no terminal");
      const onProgress = () => {
        throw wrong;
      };
      assertEquals(await assertRejects(() => model.tokenize(picture(side), { onProgress })), wrong);
      const stop = new AbortController();
      const aborting = { onProgress: () => stop.abort(), signal: stop.signal };
      assertEquals(await assertRejects(() => model.encode(picture(side), aborting)), stop.signal.reason);
      assertEquals((await model.tokenize(picture(side))).indices, indices);
      assertEquals(model.memory().used, used);
    },
  );
}
