/** Preparing pictures in workers: the same bytes, the same errors, and an event loop that is not blocked. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { decodePicture, ImageProcessor } from "../../../mod.ts";
import { preparePicture } from "../../../model/images/preparation/prepare.ts";
import { prepareInWorker } from "../../../model/images/workers/pool.ts";
import { makePng } from "./picture_fixtures.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture, repository } from "../../support/paths.ts";
import { IMPORT_MAP, outputOf, startDeno } from "../../support/processes.ts";

const GOLDEN = fixture("pictures/golden");
const FILES = [...Deno.readDirSync(GOLDEN)].map(({ name }) => name).filter((name) => !name.endsWith(".json"));
const AS_THEY_ARE = { maxPixels: 2 ** 26, applyOrientation: true };

/** A picture of 64 megapixels that takes long: 8192 × 8192 of one bit. */
function large(): Uint8Array<ArrayBuffer> {
  const rows = new Uint8Array(8192 * 1025) as unknown as number[];
  return makePng({ width: 8192, height: 8192, depth: 1, colour: 0, rows });
}

Deno.test("workers return the same pixels as this thread, for every format", async () => {
  const size = { multiple: 2, height: 24, width: 32, resizeMode: "default" } as const;
  for (const preparation of [AS_THEY_ARE, { ...AS_THEY_ARE, size }]) {
    await Promise.all(FILES.map(async (name) => {
      const file = Deno.readFileSync(join(GOLDEN, name));
      assertEquals(await prepareInWorker(file, preparation), await preparePicture(file, preparation), name);
    }));
  }
});

Deno.test("workers throw the same errors as this thread, and keep working", async () => {
  const file = Deno.readFileSync(join(GOLDEN, "jpeg-420.jpg"));
  await assertRejects(() => prepareInWorker(file.slice(0, 99), AS_THEY_ARE), TypeError, "cut short");
  await assertRejects(() => prepareInWorker(file, { ...AS_THEY_ARE, maxPixels: 9 }), RangeError, "raise maxPixels");
  assertEquals((await prepareInWorker(file, AS_THEY_ARE)).width, 89);
});

for (const way of ["preprocess", "decodePicture"] as const) {
  Deno.test(`${way}() of a large picture does not block the event loop, and a signal aborts it at once`, async () => {
    const file = large();
    const maxPixels = 2 ** 26;
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error("enough");
    let turns = 0;
    const clock = setInterval(() => {
      if (++turns === 10) controller.abort(reason);
    }, 5);
    try {
      const processor = new ImageProcessor({ maxPixels });
      const error = await assertRejects(() => {
        return way === "preprocess"
          ? processor.preprocess(file, { signal })
          : decodePicture(file, { maxPixels, signal });
      });
      assertEquals(error, reason);
      assertEquals(turns, 10);
    } finally {
      clearInterval(clock);
    }
    assertEquals((await decodePicture(Deno.readFileSync(join(GOLDEN, "gif.gif")))).width, 40);
  });
}

Deno.test("a batch is in the order of its pictures, whichever was ready first", async () => {
  const names = FILES.filter((name) => !name.startsWith("odd"));
  const sources = names.map((name) => join(GOLDEN, name));
  const processor = new ImageProcessor({ vaeScaleFactor: 1 });
  const batch = await (await processor.preprocess(sources, { height: 8, width: 8 })).data();
  for (const [i, source] of sources.entries()) {
    const one = await (await processor.preprocess(source, { height: 8, width: 8 })).data();
    assertEquals(batch.slice(i * one.length, (i + 1) * one.length), one, names[i]);
  }
});

const PROGRAMS = {
  "idle workers": "await processor.preprocess([file, file, file]);",
  "workers that are started when the call is aborted": `
    const stop = new AbortController();
    const calls = Array.from({ length: 40 }, () => processor.preprocess([file, file], { signal: stop.signal }));
    setTimeout(() => stop.abort(), 20);
    await Promise.allSettled(calls);`,
};

for (const [name, program] of Object.entries(PROGRAMS)) {
  Deno.test(`${name} do not keep the process alive`, async () => {
    await withFolder(async (folder) => {
      const mod = toFileUrl(repository("mod.ts")).href;
      const script = join(folder, "script.ts");
      await Deno.writeTextFile(
        script,
        `import { ImageProcessor } from ${JSON.stringify(mod)};
        const file = Deno.args[0];
        const processor = new ImageProcessor({ vaeScaleFactor: 1 });
        ${program}`,
      );
      const flags = [
        "run",
        "--allow-read",
        "--no-lock",
        "--no-check",
        `--config=${repository("deno.json")}`,
        IMPORT_MAP,
      ];
      const signal = AbortSignal.timeout(30_000);
      const { code, stderr } = await outputOf(startDeno([...flags, script, join(GOLDEN, "gif.gif")], { signal }));
      assert(code === 0, stderr);
    });
  });
}
