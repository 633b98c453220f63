import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { bytesSent, locks, partialOf, preparePlace, REPO, tree, WEIGHTS, weightsPath } from "../hub_fixture.ts";
import { COMMIT, sha256 } from "../server.ts";
import { repository } from "../../support/paths.ts";
import { IMPORT_MAP, printedBy, start, startDeno } from "../../support/processes.ts";
import { testOnUnix } from "../../support/systems.ts";

const SCRIPT = repository("tests/hub/load_in_process.ts");
const LENGTH = 60_000;

/** Deno's arguments for loading the model in a process with these permissions only. */
function argumentsOf(permissions: string[], options: Record<string, unknown>): string[] {
  return ["run", "--no-prompt", "--quiet", IMPORT_MAP, ...permissions, SCRIPT, JSON.stringify(options)];
}

function startLoading(permissions: string[], options: Record<string, unknown>, env: Record<string, string> = {}) {
  return startDeno(argumentsOf(permissions, options), { env });
}

/** The line that the process printed. There must be no other: the library prints nothing. */
async function outcome(child: Deno.ChildProcess) {
  return JSON.parse(await printedBy(child));
}

/** Deno's own cache. */
async function denoDir(): Promise<string> {
  return JSON.parse(await printedBy(startDeno(["info", "--json"]))).denoDir;
}

Deno.test("loading needs permissions for the network and the cache only", async () => {
  await using place = await preparePlace();
  const { cacheDir, hub } = place;
  const permissions = ["--allow-net", `--allow-read=${cacheDir}`, `--allow-write=${cacheDir}`];
  const options = { repo: REPO, cacheDir, hubUrl: hub.url };
  const loaded = { commit: COMMIT, length: LENGTH };
  const first = ["initiate", "download", "progress", "done"];
  assertEquals(await outcome(startLoading(permissions, options)), { ...loaded, events: first });
  assertEquals(await outcome(startLoading(permissions, options)), { ...loaded, events: ["initiate", "done"] });
  assertEquals(bytesSent(place), WEIGHTS.length);
  // With these permissions, Deno allows no symbolic links: it is a hard link.
  const [blob, file] = [join(place.blobs, sha256(WEIGHTS)), weightsPath(place)].map((path) => Deno.lstatSync(path));
  assert(file.isFile && file.ino === blob.ino);

  hub.goDown();
  const offline = await outcome(startLoading(permissions, options));
  assertEquals(offline, { ...loaded, events: ["offline"] });
  const withoutNetwork = await outcome(startLoading(permissions.slice(1), options));
  assertEquals(withoutNetwork, { ...loaded, events: ["offline"] });
});

Deno.test("without permission to write, or even to read, a model is loaded into memory", async () => {
  await using place = await preparePlace();
  const { cacheDir, hub } = place;
  const events = ["initiate", "download", "progress", "done"];
  for (const permissions of [["--allow-net"], ["--allow-net", `--allow-read=${cacheDir}`]]) {
    for (const options of [{ cacheDir }, {}]) {
      const result = await outcome(startLoading(permissions, { repo: REPO, hubUrl: hub.url, ...options }));
      assertEquals(result, { commit: COMMIT, length: LENGTH, events });
    }
  }
  assertEquals(tree(cacheDir), []);
});

testOnUnix("the download of a killed process is resumed by the next one", async () => {
  await using place = await preparePlace();
  const { cacheDir, hub } = place;
  hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 2_000, pause: 5 } } : undefined;
  const child = startLoading(["-A"], { repo: REPO, cacheDir, hubUrl: hub.url });
  while (bytesSent(place) < WEIGHTS.length / 2) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGKILL");
  await child.output();
  const sent = bytesSent(place);
  const { size } = await Deno.stat(partialOf(place));
  assert(sent - size <= 65_536, `${sent} sent, ${size} kept`);
  assertEquals(locks(place).length, 1);

  hub.received.length = 0;
  hub.fault = () => undefined;
  await place.load();
  assertEquals(bytesSent(place), WEIGHTS.length - size);
  assertEquals(sha256(await Deno.readFile(weightsPath(place))), sha256(WEIGHTS));
  assertEquals(locks(place), []);
});

testOnUnix("a full disk is reported as such, and the download can be resumed", async () => {
  await using place = await preparePlace();
  const options = { repo: REPO, cacheDir: place.cacheDir, hubUrl: place.hub.url };
  const limited = `trap "" XFSZ; ulimit -f 256; exec "$@"`; // blocks of 512 bytes that a file may have
  const { error } = await outcome(start("sh", ["-c", limited, "sh", Deno.execPath(), ...argumentsOf(["-A"], options)]));
  assert(error.includes("File too large") && error.includes("The part so far is kept"), error);
  assertEquals(locks(place), []);
  assertEquals((await Deno.stat(partialOf(place))).size, 131_072);

  place.hub.received.length = 0;
  await place.load();
  assertEquals(bytesSent(place), WEIGHTS.length - 131_072);
});

testOnUnix(
  "a process that was suspended in a download does not change or replace what another one downloaded",
  async () => {
    await using place = await preparePlace();
    const { cacheDir, hub } = place;
    const wrong = WEIGHTS.slice().fill(7, 150_000);
    const faults = [{ body: wrong, drip: { bytes: 10_000, pause: 20 } }];
    hub.fault = ({ server }) => server === "storage" ? faults.shift() : undefined;
    const child = startLoading(["-A"], { repo: REPO, cacheDir, hubUrl: hub.url });
    while (bytesSent(place) < 80_000) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGSTOP");
    const old = new Date(Date.now() - 60_000);
    for (const lock of locks(place)) await Deno.utime(join(cacheDir, lock), old, old); // as if it was suspended for a minute
    await place.load();
    child.kill("SIGCONT");
    assertEquals((await outcome(child)).length, LENGTH);
    assertEquals(await Deno.readFile(weightsPath(place)), WEIGHTS);
    assertEquals(tree(cacheDir).filter((path) => /incomplete|lock$/.test(path)), []);
  },
);

Deno.test("two processes share one download, and both load", async () => {
  await using place = await preparePlace();
  const { cacheDir, hub } = place;
  hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 4_000, pause: 20 } } : undefined;
  const children = [1, 2].map(() => startLoading(["-A"], { repo: REPO, cacheDir, hubUrl: hub.url }));
  for (const { length } of await Promise.all(children.map(outcome))) assertEquals(length, LENGTH);
  assertEquals(bytesSent(place), WEIGHTS.length);
  assertEquals(hub.received.filter(({ server }) => server === "storage").length, 1);
  assertEquals(locks(place), []);
});

Deno.test("cache, Hub and token are taken from the environment", async () => {
  await using place = await preparePlace();
  const { cacheDir, hub } = place;
  hub.repos[REPO].privateTo = "hf_good";
  const home = join(cacheDir, "home");
  await Deno.mkdir(join(home, ".cache", "huggingface"), { recursive: true });
  await Deno.writeTextFile(join(home, ".cache", "huggingface", "token"), "hf_good\n");
  await Deno.mkdir(join(cacheDir, "hf"));
  await Deno.writeTextFile(join(cacheDir, "hf", "token"), "hf_good");
  const named = (path: string) => join(cacheDir, path);
  const none = {
    DENO_DIR: await denoDir(), // which depends on HOME otherwise
    HF_HUB_CACHE: "",
    HUGGINGFACE_HUB_CACHE: "",
    HF_HOME: "",
    XDG_CACHE_HOME: "",
    HF_TOKEN: "",
    HOME: home,
  };

  for (
    const [env, folder] of [
      [{}, "home/.cache/huggingface/hub"],
      [{ HF_TOKEN: "hf_good", XDG_CACHE_HOME: named("xdg") }, "xdg/huggingface/hub"],
      [{ XDG_CACHE_HOME: named("xdg"), HF_HOME: named("hf") }, "hf/hub"],
      [{ HF_HOME: named("hf"), HUGGINGFACE_HUB_CACHE: named("old") }, "old"],
      [{ HF_HOME: named("hf"), HUGGINGFACE_HUB_CACHE: named("old"), HF_HUB_CACHE: "~/new" }, "home/new"],
    ] as const
  ) {
    const result = await outcome(startLoading(["-A"], { repo: REPO }, { ...none, HF_ENDPOINT: `${hub.url}/`, ...env }));
    assertEquals(result.length, LENGTH, JSON.stringify({ result, env }));
    assertEquals([...Deno.readDirSync(named(folder))].map(({ name }) => name).sort(), [
      ".locks",
      "models--owner--name",
    ]);
  }
  const asked = hub.received.length;
  const env = { ...none, HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: "1" };
  assertEquals((await outcome(startLoading(["-A"], { repo: REPO }, env))).events, ["offline"]);
  assertEquals(hub.received.length, asked);
  const denied = await outcome(
    startLoading(["-A", "--deny-env", "--deny-sys"], { repo: REPO, hubUrl: hub.url, cacheDir }, env),
  );
  assert(denied.error.includes("there is no such repository for you"), denied.error);
});
