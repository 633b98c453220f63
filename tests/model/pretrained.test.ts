/** Models in repositories of the Hub, from the first request to the last pixel, by way of the public API. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { findAdapter, isSoftware } from "../../kernels/webgpu/mod.ts";
import { HubError, type LoadOptions, type Progress, Tensor, VQModel, WeightsError } from "../../mod.ts";
import { assertClose, assertSameCodes, type Golden, loadGolden } from "../support/golden.ts";
import { preparePlace, REPO, tree } from "../hub/hub_fixture.ts";
import { COMMIT, type FakeHub, type HubFile, type Received, sha256 } from "../hub/server.ts";
import { syntheticImage } from "../support/synthetic.ts";
import type { Arguments, Outcome } from "./load_in_process.ts";
import { checkpointOf, take, tensorOf, withFolder } from "./models.ts";

const OTHER = "f".repeat(40);
const CHILD = fromFileUrl(new URL("load_in_process.ts", import.meta.url));
const DEVICES = ["webgpu", "wasm"] as const;
/** Where it does not matter which: the one that is ready soonest. */
const DEVICE = { device: "wasm", threads: 1 } as const;
const SAFETENSORS = "diffusion_pytorch_model.safetensors";

/** A Hub with one repository, and an empty cache. */
interface Place extends AsyncDisposable {
  readonly hub: FakeHub;
  readonly cacheDir: string;
  /** Everything that was told. */
  readonly events: Progress[];
  load(options?: LoadOptions): Promise<VQModel>;
}

async function placeWith(files: Record<string, HubFile>): Promise<Place> {
  const { hub, cacheDir, [Symbol.asyncDispose]: dispose } = await preparePlace(files);
  const events: Progress[] = [];
  const load = (options: LoadOptions = {}) =>
    VQModel.fromPretrained(REPO, {
      ...optionsFor({ hub, cacheDir }),
      onProgress: (event) => events.push(event),
      ...options,
    });
  return { hub, cacheDir, events, load, [Symbol.asyncDispose]: dispose };
}

function optionsFor({ hub, cacheDir }: Pick<Place, "hub" | "cacheDir">) {
  return { ...DEVICE, cacheDir, hubUrl: hub.url, token: "", timeout: 2_000, localFilesOnly: false } as const;
}

/** The files of a golden model as a repository has them. */
function filesOf(name: string, { folder = "", rename = (file: string) => file } = {}): Record<string, HubFile> {
  const { directory } = loadGolden(name);
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name !== "io.safetensors");
  return Object.fromEntries(names.map((name) => {
    const bytes = Deno.readFileSync(join(directory, name));
    return [folder + rename(name), { bytes, lfs: !name.endsWith(".json") }];
  }));
}

function asVariant(file: string): string {
  return file.replace(/\.safetensors$/, ".fp16.safetensors");
}

function jsonFile(value: unknown): HubFile {
  return { bytes: new TextEncoder().encode(JSON.stringify(value)) };
}

/** Checks that a model computes what Diffusers stored. */
async function assertComputes(model: VQModel, golden: Golden): Promise<void> {
  using sample = tensorOf(golden.tensor("sample"));
  const latents = golden.tensor("latents");
  assertClose(await take((await model.encode(sample)).latents), latents.data, 3e-5, "latents");
  const { indices } = await model.tokenize(sample);
  assertSameCodes(indices, golden.integers("indices").data, golden.tensor("margin").data, "tokens");
  using stored = tensorOf(latents);
  assertClose(await take((await model.decode(stored)).sample), golden.tensor("decoded").data, 1e-4, "decoded");
}

/** What a model makes of a picture, bit by bit. */
async function reconstruct(model: VQModel): Promise<Float32Array> {
  using sample = new Tensor(syntheticImage([1, 3, 16, 16], 1), [1, 3, 16, 16]);
  return await take((await model.forward(sample)).sample);
}

/** The files that were told of, each with what was told, without repeats. */
function toldOf(events: readonly Progress[]): Record<string, string[]> {
  const told: Record<string, string[]> = {};
  for (const { file, status } of events) {
    const statuses = told[file] ??= [];
    if (statuses.at(-1) !== status) statuses.push(status);
  }
  return told;
}

/** How many bytes of large files were sent. */
function bytesSent(hub: FakeHub): number {
  return hub.received.filter(({ server }) => server === "storage").reduce((sum, { sent }) => sum + sent, 0);
}

function locksIn({ cacheDir }: Place): string[] {
  return tree(cacheDir).filter((path) => path.startsWith(".locks/"));
}

// What is loaded

for (const device of DEVICES) {
  for (const name of ["tiny-f4", "tiny-movq", "tiny-sharded", "tiny-bin"]) {
    Deno.test(`${name} from a repository computes on ${device} what Diffusers does`, async () => {
      await using place = await placeWith(filesOf(name));
      using model = await place.load({ device, threads: undefined });
      assertEquals(model.device, device);
      await assertComputes(model, loadGolden(name));
    });
  }
}

Deno.test("the float16 variant of a repository computes what Diffusers does", async () => {
  await using place = await placeWith({
    ...filesOf("tiny-f4"),
    ...filesOf("tiny-f16", { rename: asVariant }),
  });
  using model = await place.load({ variant: "fp16" });
  await assertComputes(model, loadGolden("tiny-f16"));
  assertEquals(place.hub.downloads().length, 2, "the configuration and one file of weights are fetched");
});

Deno.test("a repository with nothing but a variant is an error that names the variant", async () => {
  await using place = await placeWith(filesOf("tiny-f16", { rename: asVariant }));
  const { message } = await assertRejects(() => place.load(), WeightsError);
  assertStringIncludes(message, "Cannot load owner/name: expected diffusion_pytorch_model.safetensors");
  assertStringIncludes(message, 'found only variant "fp16" (pass variant: "fp16")');
});

Deno.test("a model in a subfolder is loaded, and nothing beside it", async () => {
  await using place = await placeWith({
    ...filesOf("tiny-f4"),
    ...filesOf("tiny-amused", { folder: "vqvae/" }),
    "README.md": jsonFile("about"),
  });
  using model = await place.load({ subfolder: "vqvae" });
  await assertComputes(model, loadGolden("tiny-amused"));
  const files = place.hub.downloads().filter(({ server }) => server === "hub").map(({ path }) => path);
  assertEquals(files, [`/${REPO}/resolve/${COMMIT}/vqvae/config.json`]);
  assertEquals(bytesSent(place.hub), filesOf("tiny-amused")[SAFETENSORS].bytes.length);
});

Deno.test("the one VQModel of a pipeline is found, and of two none is guessed", async () => {
  const pipeline = { _class_name: "Pipeline", movq: ["diffusers", "VQModel"], unet: ["diffusers", "UNet2DModel"] };
  await using place = await placeWith({
    "model_index.json": jsonFile(pipeline),
    "unet/config.json": jsonFile({ _class_name: "UNet2DModel" }),
    ...filesOf("tiny-movq", { folder: "movq/" }),
  });
  using model = await place.load();
  await assertComputes(model, loadGolden("tiny-movq"));

  const files = place.hub.repos[REPO].commits[COMMIT];
  place.hub.repos[REPO] = {
    commits: {
      [OTHER]: { ...files, "model_index.json": jsonFile({ ...pipeline, vqgan: ["diffusers", "VQModel"] }) },
    },
    refs: { main: OTHER },
  };
  const { message } = await assertRejects(() => place.load(), HubError);
  assertStringIncludes(message, `${REPO}: it is a pipeline with the VQModels "movq" and "vqgan"`);
  using named = await place.load({ subfolder: "movq" });
  assertEquals(named.config, model.config);
});

Deno.test("a branch, a tag, a commit and a pull request are each loaded as they are", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const repo = place.hub.repos[REPO];
  const commits = { "refs/pr/7": "tiny-bin", "v1.0": "tiny-amused", experiment: "tiny-sharded" };
  Object.entries(commits).forEach(([ref, golden], i) => {
    repo.refs[ref] = String(i + 1).repeat(40);
    repo.commits[repo.refs[ref]] = filesOf(golden);
  });
  for (const [revision, golden] of Object.entries({ main: "tiny-f4", ...commits })) {
    for (const asked of [revision, repo.refs[revision]]) {
      using model = await place.load({ revision: asked });
      await assertComputes(model, loadGolden(golden));
    }
  }
  using model = await place.load();
  await assertComputes(model, loadGolden("tiny-f4"));
});

// Progress and cache

Deno.test("a first load tells of each file and each layer in order, a second one downloads nothing", async () => {
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
  assertStringIncludes(empty.message, "only files of this machine may be used");
  assertEquals(place.hub.received, []);

  (await place.load()).dispose();
  place.hub.received.length = place.events.length = 0;
  using model = await place.load({ localFilesOnly: true });
  await assertComputes(model, loadGolden("tiny-f4"));
  assertEquals(place.hub.received, []);
  assertEquals([...new Set(place.events.map(({ status }) => status))], ["offline", "load", "ready"]);
  assertEquals(place.events[0].file, REPO);
  assertStringIncludes(place.events[0].reason!, "only files of this machine");
});

Deno.test("where the Hub is gone the cache does, and the loading says so", async () => {
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

// Stopping

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

// Saving

Deno.test("savePretrained saves the commit that was loaded, wherever the branch is by then", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  using model = await place.load();
  const repo = place.hub.repos[REPO];
  repo.commits[OTHER] = filesOf("tiny-amused");
  repo.refs.main = OTHER;
  using moved = await place.load(); // the cache knows as well that the branch moved
  await assertComputes(moved, loadGolden("tiny-amused"));
  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    assertEquals(saved.config, model.config);
    await assertComputes(saved, loadGolden("tiny-f4"));
  });
  place.hub.goDown();
  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    assertEquals(await reconstruct(saved), await reconstruct(model));
  });
});

Deno.test("savePretrained in shards makes a model that loads again and equals the first", async () => {
  await using place = await placeWith(filesOf("tiny-bin"));
  using model = await place.load();
  await withFolder(async (folder) => {
    await model.savePretrained(folder, { maxShardSize: "150KB" });
    const names = tree(folder);
    const shards = names.filter((name) => /^diffusion_pytorch_model-\d{5}-of-\d{5}\.safetensors$/.test(name));
    assert(shards.length >= 3, names.join(", "));
    assertEquals(names.filter((name) => !shards.includes(name)), ["config.json", `${SAFETENSORS}.index.json`]);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    assertEquals(saved.config, model.config);
    assertEquals(await reconstruct(saved), await reconstruct(model));
    await assertComputes(saved, loadGolden("tiny-bin"));
  });
});

Deno.test("pushToHub makes one commit, which loads again as the same model", async () => {
  await using place = await placeWith(filesOf("tiny-sharded"));
  using model = await place.load();
  const { hub, cacheDir } = place;
  hub.received.length = 0;
  const access = { hubUrl: hub.url, token: "hf_good" };
  const { commit, commitUrl } = await model.pushToHub("owner/copy", { ...access, commitMessage: "Try" });
  assertEquals(commitUrl, `${hub.url}/owner/copy/commit/${commit}`);
  assertEquals(hub.received.filter(({ path }) => path.includes("/commit/")).length, 1);
  const pushed = hub.repos["owner/copy"];
  assertEquals(Object.keys(pushed.commits).length, 2, "the one commit follows the empty one of a new repository");
  assertEquals(pushed.refs.main, commit);
  assertEquals(Object.keys(pushed.commits[commit]).sort(), ["config.json", SAFETENSORS]);

  using again = await VQModel.fromPretrained("owner/copy", { ...access, ...DEVICE, cacheDir });
  assertEquals(again.config, model.config);
  assertEquals(await reconstruct(again), await reconstruct(model));
  await assertComputes(again, loadGolden("tiny-sharded"));
});

// Errors

/** What an error says, everywhere it may say something. */
function everythingOf(error: unknown): string {
  const parts = [Deno.inspect(error, { depth: 10 }), String(error)];
  for (let cause = error; cause instanceof Error; cause = cause.cause) parts.push(cause.message, cause.stack ?? "");
  return parts.join("\n");
}

Deno.test("errors say which repository, what is wrong and what to do, and never the token", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { hub } = place;
  const repo = hub.repos[REPO];
  hub.tokens.push("hf_secret");
  const cases: [set: () => void, options: LoadOptions, status: number, ...parts: string[]][] = [
    [() => repo.gatedTo = "hf_good", {}, 401, "it is gated", `licence at ${hub.url}/${REPO}; then pass a token`],
    [() => {}, { token: "hf_secret" }, 403, "it is gated", "the token from the option token has not been let in"],
    [() => repo.privateTo = "hf_good", {}, 401, "Check its spelling", "if it is private, pass a token"],
    [() => {}, { token: "hf_secret" }, 404, "Check its spelling", "the option token must be allowed to read it"],
    [() => hub.tokens.pop(), { token: "hf_secret" }, 401, "the token from the option token is not valid"],
    [
      () => {
        delete repo.gatedTo;
        delete repo.privateTo;
      },
      { token: "hf_good", revision: "v9" },
      404,
      'it has no branch, tag or commit "v9"',
    ],
    [() => {}, { token: "hf_good", subfolder: "vqvae" }, 404, "holds no such file or folder: vqvae"],
  ];
  for (const [set, options, status, ...parts] of cases) {
    set();
    const error = await assertRejects(() => place.load(options), HubError);
    for (const part of [REPO, ...parts]) assertStringIncludes(error.message, part);
    assertEquals(error.status, status, error.message);
    assert(error.url?.startsWith(hub.url), error.url);
    if (options.token) assert(!everythingOf(error).includes(options.token), everythingOf(error));
  }
  assertEquals(tree(place.cacheDir).filter((path) => !path.endsWith(".incomplete")), [], "nothing came of it");

  hub.fault = () => ({ status: 503, headers: { "retry-after": "86400" } });
  const unwell = await assertRejects(() => place.load({ token: "hf_good" }), HubError, `${REPO} (status 503)`);
  assert(!everythingOf(unwell).includes("hf_good"), everythingOf(unwell));
});

Deno.test("wrong bytes are an error, and the cache does not keep them", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { bytes } = filesOf("tiny-f4")[SAFETENSORS];
  const wrong = bytes.slice();
  wrong[wrong.length - 1] ^= 1;
  place.hub.fault = ({ server }: Received) => server === "storage" ? { body: wrong } : undefined;
  const error = await assertRejects(() => place.load(), HubError, "owner/name: expected sha256");
  assertInstanceOf(error, HubError);
  assertEquals(tree(place.cacheDir).filter((path) => path.includes(SAFETENSORS) || path.includes(sha256(bytes))), []);
});

// Processes

/** Starts a process that loads a model, with no more permissions than these. */
function start(permissions: readonly string[], args: Arguments): Deno.ChildProcess {
  const map = fromFileUrl(new URL("../../tools/offline/import_map.json", import.meta.url)); // harmless where JSR answers
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", `--import-map=${map}`, ...permissions, CHILD, JSON.stringify(args)],
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" }, // or Mesa complains
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** What became of it. All that was printed must be the one line of the process itself: the library prints nothing. */
async function outcomeOf(permissions: readonly string[], args: Arguments): Promise<Outcome & { error?: string }> {
  const { stdout, stderr } = await start(permissions, args).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const lines = new TextDecoder().decode(stdout).split("\n");
  assertEquals(lines.length, 2, lines.join("\n"));
  return JSON.parse(lines[0]);
}

const SHAPE = [1, 3, 32, 24];

/** The tokens that the process must find. */
async function tokensOf(name: string): Promise<number[]> {
  using model = await VQModel.fromPretrained(loadGolden(name).directory, DEVICE);
  using sample = new Tensor(syntheticImage(SHAPE, 1), SHAPE);
  return [...(await model.tokenize(sample)).indices];
}

for (const device of DEVICES) {
  const DENIED = ["--deny-env", "--deny-sys", "--deny-ffi", "--deny-run"];
  /** Only the Hub, and its storage. */
  const netOf = ({ url, storageUrl }: FakeHub) => `--allow-net=${[url, storageUrl].map((at) => new URL(at).host)}`;

  Deno.test(`network and cache are all the permissions that loading and computing on ${device} take`, async () => {
    await using place = await placeWith(filesOf("tiny-f4"));
    const { hub, cacheDir } = place;
    const args = { source: REPO, options: { ...optionsFor(place), device, threads: 2 }, shape: SHAPE };
    const cache = [`--allow-read=${cacheDir}`, `--allow-write=${cacheDir}`];
    const tokens = await tokensOf("tiny-f4");

    const first = await outcomeOf([netOf(hub), ...cache, ...DENIED], args);
    assertEquals(first.error, undefined);
    assertEquals(first.events, ["initiate", "download", "progress", "done", "load", "ready"]);
    assertEquals(first.tokens, tokens);
    const sent = bytesSent(hub);
    const second = await outcomeOf([netOf(hub), ...cache, ...DENIED], args);
    assertEquals(second.events, ["initiate", "done", "load", "ready"]);
    assertEquals(second.tokens, tokens);
    assertEquals(bytesSent(hub), sent);
    const offline = await outcomeOf([...cache, ...DENIED], args);
    assertEquals(offline.events, ["offline", "load", "ready"]);
    assertEquals(offline.tokens, tokens);
  });

  Deno.test(`without permission to write, or even to read, a model streams into memory for ${device}`, async () => {
    await using place = await placeWith(filesOf("tiny-sharded"));
    const { hub, cacheDir } = place;
    const options = { ...optionsFor(place), device, threads: 2 };
    const tokens = await tokensOf("tiny-sharded");
    for (const allowed of [[], [`--allow-read=${cacheDir}`]]) {
      const outcome = await outcomeOf([netOf(hub), ...allowed, "--deny-write", ...DENIED], {
        source: REPO,
        options,
        shape: SHAPE,
      });
      assertEquals(outcome.error, undefined);
      assertEquals(outcome.events, ["initiate", "download", "progress", "done", "load", "ready"]);
      assertEquals(outcome.tokens, tokens);
    }
    assertEquals(tree(cacheDir), []);
  });
}

Deno.test("the library prints nothing while it loads, computes, saves, pushes, retries, does without network, or fails", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { hub } = place;
  await withFolder(async (folder) => {
    const options = { ...optionsFor(place), token: "hf_good" };
    const args = { source: REPO, options, shape: SHAPE };
    const failed = new Set<string>();
    hub.fault = ({ path }) => failed.size < failed.add(path).size ? { status: 503 } : undefined; // each one once
    const all = await outcomeOf(["-A"], { ...args, saveTo: join(folder, "saved"), pushTo: "owner/copy" });
    assertEquals(all.error, undefined);
    assertEquals(all.events.at(-1), "ready");
    assertEquals(tree(join(folder, "saved")), ["config.json", SAFETENSORS]);
    assert(hub.repos["owner/copy"]);
    const missing = await outcomeOf(["-A"], { ...args, source: "owner/none" });
    assertStringIncludes(missing.error!, "HubError: Cannot load owner/none (status 404)");
    hub.goDown();
    assertEquals((await outcomeOf(["-A"], args)).events, ["offline", "load", "ready"]);
  });
});

// Memory

/** Everything that is not the model: Deno, the driver, compiled kernels. */
const SMALL = 32;
/** 26 convolutions of 38 MB: the whole file has 1.02 GB. */
const LARGE = 1024;

/** Writes a model of so many channels whose weights are zeros that take no room on the disk. Returns its size. */
async function writeSparseModel(folder: string, channels: number): Promise<number> {
  const config = { block_out_channels: [channels], layers_per_block: 4, latent_channels: 4, num_vq_embeddings: 32 };
  let end = 0;
  const header = Object.fromEntries(
    [...checkpointOf(config)].map(([name, { shape }]) => {
      const begin = end;
      end += 4 * shape.reduce((product, side) => product * side, 1);
      return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
    }),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify({ _class_name: "VQModel", ...config }));
  const path = join(folder, SAFETENSORS);
  await Deno.writeFile(path, new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer));
  await Deno.writeFile(path, text, { append: true });
  await Deno.truncate(path, 8 + text.length + end);
  return 8 + text.length + end;
}

/** Loads a model of so many channels in a process. */
async function loadSparse(device: LoadOptions["device"], channels: number): Promise<Outcome & { size: number }> {
  const result: Partial<Outcome & { size: number }> = {};
  await withFolder(async (folder) => {
    const size = await writeSparseModel(folder, channels);
    const outcome = await outcomeOf(["-A"], { source: folder, options: { device }, shape: [1, 3, 2, 2] });
    assertEquals(outcome.error, undefined);
    assertEquals(outcome.tokens, [0, 0, 0, 0]);
    Object.assign(result, outcome, { size });
  });
  return result as Outcome & { size: number };
}

/** Loads 1 GB, and checks that little more than that was ever in memory. */
async function loadLarge(device: (typeof DEVICES)[number]): Promise<Outcome & { size: number }> {
  const large = await loadSparse(device, LARGE);
  assert(large.size > 1e9, `the file has ${large.size} bytes`);
  assert(large.held > large.size * 0.99, `the device holds only ${large.held} bytes`);
  return large;
}

Deno.test("loading 1 GB for wasm never takes 1.3 times as much", async () => {
  const { peak, size } = await loadLarge("wasm");
  assert(peak < 1.3 * size, `${peak} bytes for ${size}`);
});

Deno.test("loading 1 GB for webgpu takes less than 200 MB beside what the driver takes", async () => {
  const onHost = isSoftware((await findAdapter())!.info);
  const beside = ({ peak, held }: Outcome) => peak - (onHost ? held : 0);
  const small = await loadSparse("webgpu", SMALL);
  const large = await loadLarge("webgpu");
  const taken = beside(large) - beside(small);
  assert(taken < 200e6, `${taken / 1e6} MB: ${JSON.stringify({ small, large })}`);
});
