/** Models of the Hub in a browser: where they are stored, and what is requested. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sleep } from "../../../hub/system/sleep.ts";
import { bytesOf } from "../files.ts";
import { CONFIG, modelFiles, REPO, WEIGHTS, weightsOf } from "../hub_fixture.ts";
import { COMMIT, type FakeHub, type Received, sha256 } from "../server.ts";
import { inHubPage, startPages, stopPages } from "./pages.ts";

Deno.test.beforeAll(startPages);
Deno.test.afterAll(stopPages);

const SUM = new Float32Array(WEIGHTS.slice(-240_000).buffer).reduce((total, element) => total + element, 0);
const PART_SIZE = 8 * 2 ** 20;

/** Weights of three parts. */
const LARGE = weightsOf(Float32Array.from({ length: 5_000_000 }, (_, i) => i % 7));

function largeModel() {
  return { ...modelFiles(), "diffusion_pytorch_model.safetensors": { bytes: LARGE, lfs: true } };
}

/** The requests for weights. */
function stored(hub: FakeHub): Received[] {
  return hub.received.filter(({ server }) => server === "storage");
}

/** Checks that the browser did not ask first whether it may make the requests: not every storage would allow that. */
function assertNoPreflight(hub: FakeHub): void {
  assert(hub.received.every(({ method }) => method !== "OPTIONS"));
}

for (const isolated of [true, false]) {
  for (const inWorker of [false, true]) {
    const place = `${inWorker ? "a worker of " : ""}a page ${isolated ? "with" : "without"} isolation`;
    Deno.test(`${place} loads a model once, and later from its storage, also without a network`, async () => {
      await inHubPage(async ({ hub, page, call, mustLoad }) => {
        const first = await mustLoad();
        assertEquals(first.statuses, [
          "initiate",
          "download",
          "progress",
          "done",
          "initiate",
          "download",
          "progress",
          "done",
        ]);
        assertEquals([first.commit, first.sum], [COMMIT, SUM]);
        assert(stored(hub).length === 1 && stored(hub)[0].headers.get("origin") === "null"); // after a redirect

        assertNoPreflight(hub);
        hub.received.length = 0;
        assertEquals(await mustLoad(), { ...first, statuses: ["initiate", "done", "initiate", "done"] });
        assertEquals(hub.downloads(), []);
        hub.received.length = 0;
        assertEquals((await mustLoad({ revision: COMMIT })).sum, SUM);
        assertEquals((await mustLoad({ localFilesOnly: true })).sum, SUM);
        assertEquals(hub.received, []);

        const [{ repo, bytes, revisions }] = await call("list");
        assertEquals([repo, bytes], [REPO, WEIGHTS.length + CONFIG.length]);
        const files = ["config.json", "diffusion_pytorch_model.safetensors"];
        assertEquals(revisions, [{ commit: COMMIT, refs: ["main"], files }]);

        hub.goDown();
        await page.reload();
        await page.waitForFunction("globalThis.call");
        const last = await mustLoad();
        assertEquals([last.sum, last.statuses], [SUM, ["offline"]]);
      }, { isolated, inWorker });
    });
  }
}

Deno.test("an interrupted download is continued where it ended, also by another page", async () => {
  await inHubPage(async ({ hub, load, another }) => {
    const { error } = await load({ abortAt: PART_SIZE + 100_000 });
    assertStringIncludes(error!, "enough");
    hub.received.length = 0;
    const other = await another();
    const { sum } = await other.mustLoad();
    assertEquals(sum, new Float32Array(LARGE.slice(-20_000_000).buffer).reduce((total, element) => total + element, 0));
    const [{ headers, sent }] = stored(hub);
    const begin = Number(/^bytes=(\d+)-$/.exec(headers.get("range")!)![1]);
    assert(begin >= PART_SIZE + 100_000 && sent === LARGE.length - begin);
    assertNoPreflight(hub);
  }, { files: largeModel() });
});

Deno.test("when a page ends during a download, the next one continues with the parts that were stored", async () => {
  await inHubPage(async ({ hub, page, another }) => {
    hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 400_000, pause: 20 } } : undefined;
    await page.evaluate(`void call(${JSON.stringify({ name: "load", values: [REPO, { hubUrl: hub.url }] })})`);
    const other = await another();
    while (((await other.call("list"))[0]?.bytes ?? 0) < 2 * PART_SIZE) await sleep(50);
    await page.close();
    hub.received.length = 0;
    await other.mustLoad();
    assertEquals(stored(hub)[0].headers.get("range"), `bytes=${2 * PART_SIZE}-`);
    assertEquals(await other.call("verify", REPO), []);
  }, { files: largeModel() });
});

Deno.test("two pages at once download a model once", async () => {
  await inHubPage(async ({ hub, mustLoad, another }) => {
    const other = await another();
    hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 20_000, pause: 10 } } : undefined;
    const loaded = await Promise.all([mustLoad(), other.mustLoad()]);
    assertEquals(loaded.map(({ sum }) => sum), [SUM, SUM]);
    assertEquals(stored(hub).length, 1);
  });
});

Deno.test("when a branch has moved, only the files that changed are requested", async () => {
  await inHubPage(async ({ hub, call, mustLoad }) => {
    await mustLoad();
    const commit = "f".repeat(40);
    const config = { bytes: bytesOf('{"_class_name":"VQModel","sample_size":8}') };
    hub.repos[REPO].commits[commit] = { ...modelFiles(), "config.json": config };
    hub.repos[REPO].refs.main = commit;
    hub.received.length = 0;
    const { sum, config: found, commit: loaded } = await mustLoad();
    assertEquals([sum, (found as { sample_size: number }).sample_size, loaded], [SUM, 8, commit]);
    assertEquals(hub.downloads().map(({ path }) => path.split("/").at(-1)), ["config.json"]);
    const [{ revisions, bytes }] = await call("list");
    assertEquals(revisions.map(({ commit, refs }) => [commit, refs]), [[COMMIT, []], [commit, ["main"]]]);
    assertEquals(bytes, WEIGHTS.length + CONFIG.length + config.bytes.length);
  });
});

Deno.test("damaged parts are found, and fetched again", async () => {
  await inHubPage(async ({ hub, page, call, mustLoad }) => {
    await mustLoad();
    assertEquals(await call("verify", REPO), []);
    await page.evaluate(`(async () => {
      let folder = await navigator.storage.getDirectory();
      for (const name of ["vqmodel", "models--owner--name", "blobs", "${sha256(WEIGHTS)}"]) {
        folder = await folder.getDirectoryHandle(name);
      }
      for await (const file of folder.values()) {
        const writable = await file.createWritable({ keepExistingData: true });
        await writable.write({ type: "write", position: 100_000, data: new Uint8Array(9) });
        await writable.close();
      }
    })()`);
    const [{ path }] = await call("verify", REPO);
    assertStringIncludes(path, `${COMMIT}/diffusion_pytorch_model.safetensors`);
    hub.received.length = 0;
    await page.reload();
    await page.waitForFunction("globalThis.call");
    assertEquals((await mustLoad()).sum, SUM);
    assertEquals(stored(hub).length, 1);
    assertEquals(await call("verify", REPO), []);
  });
});

Deno.test("a model is removed, but not while it is downloaded", async () => {
  await inHubPage(async ({ hub, call, load, mustLoad }) => {
    await mustLoad();
    assertEquals(await call("remove", REPO), WEIGHTS.length + CONFIG.length);
    assertEquals(await call("list"), []);
    assertStringIncludes(`${await call("remove", REPO)}`, "Cannot find owner/name in the cache");
    hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 20_000, pause: 50 } } : undefined;
    const loading = load();
    while (stored(hub).at(-1)?.sent !== 20_000) await sleep(10);
    assertStringIncludes(`${await call("remove", REPO)}`, "it is being downloaded");
    assertEquals((await loading).sum, SUM);
  });
});

Deno.test("files in Xet storage are loaded by the Hub's redirect", async () => {
  const files = modelFiles();
  files["diffusion_pytorch_model.safetensors"].xet = true;
  await inHubPage(async ({ hub, mustLoad }) => {
    assertEquals((await mustLoad()).sum, SUM);
    assertEquals(stored(hub).map(({ path }) => path), [`/${sha256(WEIGHTS)}`]);
  }, { files });
});
