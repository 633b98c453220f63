import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { HubError } from "../../../hub/mod.ts";
import {
  bytesSent,
  locks,
  modelFiles,
  partialOf,
  type Place,
  preparePlace,
  tree,
  WEIGHTS,
  weightsPath,
} from "../hub_fixture.ts";
import { COMMIT, sha256 } from "../server.ts";
import { printedBy, start } from "../../support/processes.ts";

Deno.test("folders and links at the paths of cache files do not prevent a download", async () => {
  const places: Record<string, (path: string) => Promise<unknown>> = {
    async folder(path) {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "file"), "");
    },
    "link to nowhere": (path) => Deno.symlink("nowhere", path, { type: "file" }),
    "link to a folder": (path) => Deno.symlink(".", path),
    ...(Deno.build.os === "windows" ? {} : { pipe: (path: string) => printedBy(start("mkfifo", [path])) }),
  };
  for (const [what, make] of Object.entries(places)) {
    for (const pathOf of [partialOf, weightsPath, ({ blobs }: Place) => join(blobs, sha256(WEIGHTS))]) {
      await using place = await preparePlace();
      await Deno.mkdir(dirname(pathOf(place)), { recursive: true });
      await make(pathOf(place));
      await place.load();
      assertEquals(bytesSent(place), WEIGHTS.length, what);
      assertEquals(tree(place.cacheDir).filter((path) => /incomplete|lock/.test(path)), [], what);
      assertEquals(await Deno.readFile(weightsPath(place)), WEIGHTS, what);
    }
  }
});

Deno.test("a link at the path of an incomplete file is read, but never written through", async () => {
  await using place = await preparePlace();
  await Deno.mkdir(place.blobs, { recursive: true });
  const outside = join(place.cacheDir, "outside");
  await Deno.writeFile(outside, WEIGHTS.subarray(0, 1000));
  await Deno.symlink(outside, partialOf(place));
  await place.load();
  assertEquals(await Deno.readFile(outside), WEIGHTS.slice(0, 1000));
});

Deno.test("a resumed download uses a new file, since the process that began it may be suspended and write more", async () => {
  await using place = await preparePlace();
  await Deno.mkdir(place.blobs, { recursive: true });
  await Deno.writeFile(partialOf(place), WEIGHTS.subarray(0, 1000));
  using sleeper = await Deno.open(partialOf(place), { write: true });
  await place.load();
  await sleeper.write(new Uint8Array(WEIGHTS.length));
  assertEquals(await Deno.readFile(weightsPath(place)), WEIGHTS);
  assertEquals(bytesSent(place), WEIGHTS.length - 1000);
});

Deno.test("a process whose lock was taken over uses what the other one downloaded", async () => {
  await using place = await preparePlace();
  const wrong = WEIGHTS.slice().fill(7, 220_000);
  const faults = [{ body: wrong, drip: { bytes: 20_000, pause: 50 } }];
  place.hub.fault = ({ server }) => server === "storage" ? faults.shift() : undefined;
  let overtaking: Promise<void> | undefined;
  await place.load({
    onProgress({ loaded, total, status }) {
      if (overtaking || status !== "progress" || loaded < 40_000 || total !== WEIGHTS.length) return;
      for (const lock of locks(place)) Deno.removeSync(join(place.cacheDir, lock)); // as if this process had been suspended
      overtaking = place.load();
    },
  });
  await overtaking;
  assertEquals(place.hub.received.filter(({ server }) => server === "storage").length, 2);
  assertEquals(await Deno.readFile(weightsPath(place)), WEIGHTS);
  assertEquals(tree(place.cacheDir).filter((path) => /incomplete|lock/.test(path)), []);
});

Deno.test("no folder of the cache may be a link that leads out of it", async () => {
  for (const linked of ["blobs", "snapshots", `snapshots/${COMMIT}`, `snapshots/${COMMIT}/vqvae`]) {
    await using place = await preparePlace(modelFiles("vqvae/"));
    const outside = await Deno.makeTempDir({ dir: place.cacheDir });
    await Deno.mkdir(dirname(join(place.folder, linked)), { recursive: true });
    await Deno.symlink(outside, join(place.folder, linked));
    await assertRejects(() => place.open({ subfolder: "vqvae" }), HubError, "found a link that may lead out of it");
    assertEquals(tree(outside), [], linked);
  }
  await using place = await preparePlace();
  const outside = await Deno.makeTempDir({ dir: place.cacheDir });
  await Deno.mkdir(place.folder);
  await Deno.symlink(outside, join(place.folder, "refs"));
  await place.load();
  assertEquals(tree(outside), []);
});
