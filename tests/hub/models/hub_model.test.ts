import { assert, assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { HubError, type HubModelOptions, openModel, WeightsError } from "../../../hub/mod.ts";
import { bytesOf } from "../files.ts";
import {
  checkModel,
  CONFIG,
  locks,
  modelFiles,
  preparePlace,
  REPO,
  tree,
  WEIGHTS,
  weightsOf,
  weightsPath,
} from "../hub_fixture.ts";
import { COMMIT, gitSha1, type HubFile, sha256 } from "../server.ts";

const OTHER = "f".repeat(40);

Deno.test("openHubModel fills the cache as Python's huggingface_hub does", async () => {
  await using place = await preparePlace(modelFiles("vqvae/"));
  const files = await place.open({ subfolder: "vqvae", revision: "main" });
  assertEquals(files.config, { _class_name: "VQModel" });
  assertEquals(files.configPath, "owner/name/vqvae/config.json");
  assertEquals(files.commit, COMMIT);
  await checkModel(files);

  assertEquals(
    tree(place.cacheDir),
    [
      `models--owner--name/blobs/${sha256(WEIGHTS)}`,
      `models--owner--name/blobs/${gitSha1(CONFIG)}`,
      "models--owner--name/refs/main",
      `models--owner--name/snapshots/${COMMIT}/vqvae/config.json -> ../../../blobs/${gitSha1(CONFIG)}`,
      `models--owner--name/snapshots/${COMMIT}/vqvae/diffusion_pytorch_model.safetensors -> ` +
      `../../../blobs/${sha256(WEIGHTS)}`,
    ].sort(),
  );
  assertEquals(await Deno.readTextFile(join(place.folder, "refs", "main")), COMMIT);
});

Deno.test("openHubModel finds what Python's huggingface_hub downloaded", async () => {
  await using place = await preparePlace();
  const snapshot = join(place.folder, "snapshots", COMMIT);
  for (const folder of [snapshot, place.blobs]) await Deno.mkdir(folder, { recursive: true });
  for (
    const [name, bytes, etag] of [
      ["config.json", CONFIG, gitSha1(CONFIG)],
      ["diffusion_pytorch_model.safetensors", WEIGHTS, sha256(WEIGHTS)],
    ] as const
  ) {
    await Deno.writeFile(join(place.blobs, etag), bytes);
    await Deno.symlink(`../../blobs/${etag}`, join(snapshot, name), { type: "file" });
  }
  await place.load();
  assertEquals(place.hub.downloads(), []);
  assertEquals(place.events.map(({ status }) => status), ["initiate", "done", "initiate", "done"]);
});

Deno.test("openHubModel resolves branches, tags, commits and pull requests", async () => {
  await using place = await preparePlace();
  const repo = place.hub.repos[REPO];
  repo.commits[OTHER] = { "config.json": { bytes: CONFIG }, "diffusion_pytorch_model.safetensors": { bytes: WEIGHTS } };
  Object.assign(repo.refs, { "refs/pr/1": OTHER, v1: OTHER, fffffff: OTHER });
  for (const revision of ["main", "refs/pr/1", "v1", "fffffff"]) {
    assertEquals((await place.open({ revision })).commit, repo.refs[revision]);
    assertEquals(await Deno.readTextFile(join(place.folder, "refs", revision)), repo.refs[revision]);
  }
  const asked = place.hub.received.length;
  await place.load({ revision: OTHER });
  await place.load({ revision: COMMIT });
  assertEquals(place.hub.received.length, asked); // commits never change
});

Deno.test("openHubModel follows a moved branch, and downloads only what changed", async () => {
  await using place = await preparePlace();
  await place.load();
  const repo = place.hub.repos[REPO];
  const config = bytesOf('{"_class_name":"VQModel","a":1}');
  repo.commits[OTHER] = { ...repo.commits[COMMIT], "config.json": { bytes: config } };
  repo.refs.main = OTHER;
  place.hub.received.length = 0;
  await place.load();
  assertEquals(place.hub.downloads().map(({ path }) => path), [`/owner/name/resolve/${OTHER}/config.json`]);
  assertEquals(await Deno.readTextFile(join(place.folder, "refs", "main")), OTHER);
});

Deno.test("openHubModel downloads only the files of the model", async () => {
  const noise = { "README.md": { bytes: CONFIG }, "unet/config.json": { bytes: CONFIG } };
  const bin = { "vqvae/diffusion_pytorch_model.bin": { bytes: CONFIG, lfs: true } };
  await using place = await preparePlace({ ...noise, ...bin, ...modelFiles("vqvae/") });
  await place.load({ subfolder: "vqvae" });
  assertEquals(place.hub.downloads().length, 2);
});

Deno.test("openHubModel finds the VQModel of a pipeline", async () => {
  const pipeline = { movq: ["diffusers", "VQModel"], unet: ["diffusers", "UNet2DModel"] };
  const files = { "model_index.json": { bytes: bytesOf(JSON.stringify(pipeline)) }, ...modelFiles("movq/") };
  await using place = await preparePlace(files);
  await place.load();
  const two = bytesOf(JSON.stringify({ ...pipeline, vqgan: ["diffusers", "VQModel"] }));
  place.hub.repos[REPO].commits[COMMIT]["model_index.json"] = { bytes: two };
  await Deno.remove(place.cacheDir, { recursive: true });
  await assertRejects(
    () => place.open(),
    HubError,
    'owner/name: it is a pipeline with the VQModels "movq" and "vqgan"',
  );
});

Deno.test("openHubModel opens the requested variant, and suggests it if there is no other", async () => {
  const { "config.json": config, "diffusion_pytorch_model.safetensors": weights } = modelFiles();
  const variant = { "diffusion_pytorch_model.fp16.safetensors": weights };
  await using place = await preparePlace({ "config.json": config, ...variant });
  await place.load({ variant: "fp16" });
  await assertRejects(() => place.open(), WeightsError, 'found only variant "fp16" (pass variant: "fp16")');
});

Deno.test("openHubModel downloads all shards at once", async () => {
  const shards = [1, 2, 3].map((i) => `diffusion_pytorch_model-0000${i}-of-00003.safetensors`);
  const weight_map = Object.fromEntries(shards.map((file, i) => [`abc`[i], file]));
  const index = bytesOf(JSON.stringify({ metadata: {}, weight_map }));
  await using place = await preparePlace({
    "config.json": { bytes: CONFIG },
    "diffusion_pytorch_model.safetensors.index.json": { bytes: index },
    ...Object.fromEntries(
      shards.map((file, i) => [file, { bytes: weightsOf(Float32Array.of(i), "abc"[i]), lfs: true }]),
    ),
  });
  place.hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 20, pause: 20 } } : undefined;
  const { weights } = await place.open();
  assertEquals([...weights.tensors.keys()], ["a", "b", "c"]);
  assertEquals(await weights.read("b"), Float32Array.of(1));
  await weights.close();
  const started = place.events.filter(({ status, file }) => status !== "progress" && file.includes("-of-"));
  assertEquals(started.slice(0, 3).map(({ status }) => status), ["initiate", "initiate", "initiate"]);
  assertEquals(locks(place), []);
});

Deno.test("when one shard fails, the other downloads are aborted", async () => {
  const weight_map = { a: "a.safetensors", b: "b.safetensors" };
  await using place = await preparePlace({
    "config.json": { bytes: CONFIG },
    "diffusion_pytorch_model.safetensors.index.json": { bytes: bytesOf(JSON.stringify({ weight_map })) },
    "a.safetensors": { bytes: WEIGHTS, lfs: true },
    "b.safetensors": { bytes: weightsOf(Float32Array.of(1), "b"), lfs: true },
  });
  const slow = `/${sha256(WEIGHTS)}`;
  place.hub.fault = ({ server, path }) => {
    if (path === slow) return { drip: { bytes: 100, pause: 20 } };
    return server === "storage" ? { body: weightsOf(Float32Array.of(2), "b") } : undefined;
  };
  const start = performance.now();
  await assertRejects(() => place.open(), HubError, "Cannot use b.safetensors of owner/name: expected sha256");
  assert(performance.now() - start < 5_000);
  assertEquals(locks(place), []);
});

Deno.test("files of a mirror without lists are requested by name", async () => {
  const weight_map = { a: "a-00001-of-00001.safetensors" };
  const sharded = {
    "vqvae/config.json": { bytes: CONFIG },
    "vqvae/diffusion_pytorch_model.safetensors.index.json": { bytes: bytesOf(JSON.stringify({ weight_map })) },
    "vqvae/a-00001-of-00001.safetensors": { bytes: WEIGHTS, lfs: true },
  };
  const pipeline = { "model_index.json": { bytes: bytesOf('{"vqvae":["diffusers","VQModel"]}') } };
  const { "diffusion_pytorch_model.safetensors": weights, ...others } = modelFiles();
  const repositories: [files: Record<string, HubFile>, options: HubModelOptions][] = [
    [modelFiles(), {}],
    [{ ...pipeline, ...sharded }, {}],
    [sharded, { subfolder: "vqvae" }],
    [{ ...others, "diffusion_pytorch_model.fp16.safetensors": weights }, { variant: "fp16" }],
  ];
  for (const [files, options] of repositories) {
    for (const status of [404, 405, 501]) {
      await using place = await preparePlace(files);
      place.hub.fault = ({ path }) =>
        path.includes("/tree/") ? { status, headers: {}, body: bytesOf("no route") } : undefined;
      await place.load(options);
      await place.load({ ...options, localFilesOnly: true });
    }
  }
});

Deno.test("openHubModel reports progress", async () => {
  await using place = await preparePlace();
  await place.load();
  const weights = place.events.filter(({ file }) => file === "diffusion_pytorch_model.safetensors");
  assertEquals([...new Set(weights.map(({ status }) => status))], ["initiate", "download", "progress", "done"]);
  assert(weights.every(({ total }) => total === WEIGHTS.length));
  assert(weights.every(({ loaded }, i) => i === 0 || loaded >= weights[i - 1].loaded));
  assertEquals(weights.at(-1)!.loaded, WEIGHTS.length);
  // The fields that callbacks for transformers.js read.
  assert(place.events.every(({ name }) => name === REPO));
  assert(weights.every(({ progress, loaded }) => progress === 100 * loaded / WEIGHTS.length));
  assertEquals([weights[0].progress, weights.at(-1)!.progress], [0, 100]);
});

Deno.test("with localFilesOnly, no request is made, and onProgress reports it", async () => {
  await using place = await preparePlace();
  await assertRejects(() => place.open({ localFilesOnly: true }), HubError, 'holds nothing of revision "main"');
  await place.load();
  place.hub.received.length = place.events.length = 0;
  await place.load({ localFilesOnly: true });
  assertEquals(place.hub.received, []);
  assertEquals(place.events.map(({ status }) => status), ["offline"]);
  assert(place.events[0].reason!.includes("only local files"));
  await Deno.remove(weightsPath(place));
  await assertRejects(() => place.open({ localFilesOnly: true }), HubError, "the cache does not hold all of it");
});

Deno.test("without network, openHubModel opens the cache, and onProgress reports it", async () => {
  await using place = await preparePlace();
  await place.load();
  place.hub.fault = ({ server }) => server === "hub" ? { status: 503 } : undefined;
  await place.load();
  assert(place.events.some(({ status, reason }) => status === "offline" && reason!.includes("status 503")));
  place.hub.goDown();
  place.events.length = 0;
  await place.load();
  assert(place.events.some(({ status, reason }) => status === "offline" && reason!.includes("cannot be reached")));
  const error = await assertRejects(
    () => place.open({ variant: "fp16" }),
    HubError,
    "the cache does not hold all of it",
  );
  assert(error.message.includes("cannot be reached"));
});

Deno.test("with half a model in the cache, the error still says that the network is down", async () => {
  await using place = await preparePlace();
  await place.load();
  await Deno.remove(join(place.blobs, sha256(WEIGHTS)));
  place.hub.goDown();
  await assertRejects(() => place.open(), HubError, "the cache does not hold all of it: Cannot open");
});

Deno.test("a damaged file in the cache is downloaded again", async () => {
  const cut = (bytes: Uint8Array) => bytes.subarray(0, 1000);
  const changed = (bytes: Uint8Array) => bytes.with(5000, bytes[5000] ^ 1);
  for (const damage of [cut, changed]) {
    for (const revision of ["main", COMMIT]) {
      await using place = await preparePlace();
      await place.load({ revision });
      const blob = join(place.blobs, sha256(WEIGHTS));
      await Deno.writeFile(blob, damage(WEIGHTS));
      await place.load({ revision });
      assertEquals(await Deno.readFile(blob), WEIGHTS);
      await Deno.writeFile(blob, damage(WEIGHTS));
      await assertRejects(() => place.open({ revision, localFilesOnly: true }), HubError, "expected bytes with sha256");
    }
  }
});

Deno.test("a damaged configuration in the cache is downloaded again", async () => {
  await using place = await preparePlace();
  await place.load();
  const path = join(place.folder, "snapshots", COMMIT, "config.json");
  await Deno.writeTextFile(path, "{}".padEnd((await Deno.stat(path)).size));
  await assertRejects(() => place.open({ localFilesOnly: true }), HubError, "expected bytes with git-sha1");
  await place.load();
  assertEquals(await Deno.readFile(path), CONFIG);
});

Deno.test("openModel opens directories, file: URLs and repositories", async () => {
  await using place = await preparePlace();
  const options = { cacheDir: place.cacheDir, hubUrl: place.hub.url, token: "" };
  await checkModel(await openModel(REPO, options));
  const snapshot = join(place.folder, "snapshots", COMMIT);
  await checkModel(await openModel(snapshot));
  await checkModel(await openModel(toFileUrl(snapshot)));
  await assertRejects(
    () => openModel("no/such/thing"),
    HubError,
    'expected a repository of the Hub, such as "owner/name"',
  );
});

Deno.test("a model in Xet storage is downloaded by the package, and can be resumed", async () => {
  const { "config.json": config } = modelFiles();
  await using place = await preparePlace({
    "config.json": config,
    "diffusion_pytorch_model.safetensors": { bytes: WEIGHTS, lfs: true, xet: true },
  });
  await Deno.mkdir(place.blobs, { recursive: true });
  await Deno.writeFile(join(place.blobs, `${sha256(WEIGHTS)}.incomplete`), WEIGHTS.subarray(0, 100_001));
  await place.load({ token: "hf_good" });
  const stored = place.hub.received.filter(({ server }) => server === "storage");
  assertEquals(stored.map(({ path }) => path.split("/").slice(0, -1).join("/")), ["/v2/reconstructions", "/xorbs"]);
  assertEquals(stored[0].headers.get("range"), `bytes=100001-${WEIGHTS.length - 1}`);
  assert(stored.every(({ headers }) => !headers.get("authorization")?.includes("hf_good")));
});
