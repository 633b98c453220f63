/** Progress of loading from the Hub, the cache, and aborting. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { HubError, type Progress } from "../../../mod.ts";
import { REPO } from "../../hub/hub_fixture.ts";
import { sha256 } from "../../hub/server.ts";
import { loadGolden } from "../../support/golden.ts";
import { assertComputes, bytesSent, filesOf, locksIn, placeWith, SAFETENSORS } from "./place.ts";
import { DEVICES } from "../../support/engines.ts";

/** The files that were told of, each with what was told, without repeats. */
function toldOf(events: readonly Progress[]): Record<string, string[]> {
  const told: Record<string, string[]> = {};
  for (const { file, status } of events) {
    const statuses = told[file] ??= [];
    if (statuses.at(-1) !== status) statuses.push(status);
  }
  return told;
}

Deno.test("a first load reports each file and each layer in order, a second one downloads nothing", async () => {
  await using place = await placeWith(filesOf("tiny-sharded"));
  (await place.load()).dispose();
  const [config, index, ...shards] = [
    "config.json",
    `${SAFETENSORS}.index.json`,
    ...[1, 2].map((i) => `diffusion_pytorch_model-0000${i}-of-00002.safetensors`),
  ];
  const fetched = ["initiate", "download", "progress", "done"];
  const first = { [config]: fetched, [index]: fetched, [shards[0]]: fetched, [shards[1]]: fetched };
  const layers = { [`${REPO}/config.json`]: ["load", "ready"] };
  assertEquals(toldOf(place.events), { ...first, ...layers });
  const downloading = place.events.findLastIndex(({ status }) => status === "done");
  assert(place.events.findIndex(({ status }) => status === "load") > downloading, "layers come after the files");
  assertEquals(place.events.at(-1)!.status, "ready");
  const totals = filesOf("tiny-sharded");
  for (const file of Object.keys(first)) {
    const told = place.events.filter((event) => event.file === file);
    assert(told.every(({ total }) => total === totals[file].bytes.length), file);
    assert(told.every(({ loaded }, i) => i === 0 || loaded >= told[i - 1].loaded), `${file} only grows`);
    assertEquals(told.at(-1)!.loaded, totals[file].bytes.length);
  }
  const loads = place.events.filter(({ status }) => status === "load");
  assertEquals(loads.map(({ loaded }) => loaded), loads.map((_, i) => i + 1));
  assertEquals(loads.at(-1)!.loaded, loads[0].total);

  place.hub.received.length = place.events.length = 0;
  using again = await place.load();
  assertEquals(place.hub.downloads(), []);
  const found = ["initiate", "done"];
  assertEquals(toldOf(place.events), {
    ...{ [config]: found, [index]: found, [shards[0]]: found, [shards[1]]: found },
    ...layers,
  });
  await assertComputes(again, loadGolden("tiny-sharded"));
});

Deno.test("localFilesOnly loads from the cache without a request, and says so", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const empty = await assertRejects(() => place.load({ localFilesOnly: true }), HubError, REPO);
  assertStringIncludes(empty.message, "only local files may be used");
  assertEquals(place.hub.received, []);

  (await place.load()).dispose();
  place.hub.received.length = place.events.length = 0;
  using model = await place.load({ localFilesOnly: true });
  await assertComputes(model, loadGolden("tiny-f4"));
  assertEquals(place.hub.received, []);
  assertEquals([...new Set(place.events.map(({ status }) => status))], ["offline", "load", "ready"]);
  assertEquals(place.events[0].file, REPO);
  assertStringIncludes(place.events[0].reason!, "only local files");
});

Deno.test("without the Hub the cache is used, and that is reported", async () => {
  await using place = await placeWith(filesOf("tiny-sharded"));
  (await place.load()).dispose();
  place.events.length = 0;
  place.hub.goDown();
  using model = await place.load();
  await assertComputes(model, loadGolden("tiny-sharded"));
  const offline = place.events.filter(({ status }) => status === "offline");
  assertEquals(offline.map(({ file }) => file), [REPO]);
  assertStringIncludes(offline[0].reason!, "cannot be reached");
  assertEquals(place.events.at(-1)!.status, "ready");
});

Deno.test("a signal stops a download, which the next load continues", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { bytes } = filesOf("tiny-f4")[SAFETENSORS];
  place.hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 16_384, pause: 5 } } : undefined;
  const reason = new Error("the user went away");
  const controller = new AbortController();
  const onProgress = ({ status, file, loaded }: Progress) => {
    assert(status !== "load", "nothing is computed of half a file");
    if (file === SAFETENSORS && loaded > bytes.length / 2) controller.abort(reason);
  };
  const stopped = await assertRejects(() => place.load({ signal: controller.signal, onProgress }));
  assertEquals(stopped, reason);
  assertEquals(locksIn(place), []);
  const partial = join(place.cacheDir, "models--owner--name", "blobs", `${sha256(bytes)}.incomplete`);
  const { size } = await Deno.stat(partial);
  assert(size >= bytes.length / 2 && size < bytes.length, `${size} of ${bytes.length} bytes are kept`);

  place.hub.received.length = 0;
  place.hub.fault = () => undefined;
  using model = await place.load();
  assertEquals(bytesSent(place.hub), bytes.length - size);
  await assertComputes(model, loadGolden("tiny-f4"));
});

for (const device of DEVICES) {
  Deno.test(`a signal stops the upload of layers to ${device}`, async () => {
    await using place = await placeWith(filesOf("tiny-f4"));
    const reason = new Error("the user went away");
    const controller = new AbortController();
    const layers: number[] = [];
    const onProgress = ({ status, loaded }: Progress) => {
      assert(status !== "ready");
      if (status === "load") layers.push(loaded);
      if (layers.length === 5) controller.abort(reason);
    };
    const loading = () => place.load({ device, signal: controller.signal, onProgress });
    assertEquals(await assertRejects(loading), reason);
    assertEquals(layers, [1, 2, 3, 4, 5]);
    using model = await place.load({ device });
    await assertComputes(model, loadGolden("tiny-f4"));
  });
}
