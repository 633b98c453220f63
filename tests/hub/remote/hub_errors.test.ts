import { assert, assertEquals, assertRejects } from "@std/assert";
import { HubError, type HubModelOptions, isLocalPath, openHubModel, WeightsError } from "../../../hub/mod.ts";
import { bytesOf } from "../files.ts";
import { CONFIG, modelFiles, type Place, preparePlace, REPO, tree } from "../hub_fixture.ts";
import { COMMIT, type HubFile } from "../server.ts";
import { repository } from "../../support/paths.ts";
import { testOnUnix } from "../../support/systems.ts";

async function refused(place: Place, options: HubModelOptions, ...parts: string[]): Promise<HubError> {
  const error = await assertRejects(() => place.open(options), HubError, REPO);
  for (const part of parts) assert(error.message.includes(part), `${error.message} lacks ${part}`);
  assert(!error.message.includes("hf_"));
  return error;
}

Deno.test("the message about a gated repository says how to get access", async () => {
  await using place = await preparePlace();
  place.hub.repos[REPO].gatedTo = "hf_good";
  const { status, url } = await refused(place, {}, "it is gated", `${place.hub.url}/owner/name; then pass a token`);
  assertEquals(status, 401);
  assertEquals(url, `${place.hub.url}/owner/name/resolve/${COMMIT}/config.json`);
  const denied = await refused(place, { token: "hf_other" }, "it is gated", "has not been let in");
  assertEquals(denied.status, 403);
  assertEquals(tree(place.cacheDir), []);
  await place.load({ token: "hf_good" });
});

Deno.test("the message about a private or missing repository mentions both", async () => {
  await using place = await preparePlace();
  place.hub.repos[REPO].privateTo = "hf_good";
  assertEquals((await refused(place, {}, "Check its spelling", "if it is private, pass a token")).status, 401);
  const other = await refused(
    place,
    { token: "hf_other" },
    "there is no such repository for you",
    "the option token must",
  );
  assertEquals(other.status, 404);
  await place.load({ token: "hf_good" });
});

Deno.test("the message about an invalid token names its origin", async () => {
  await using place = await preparePlace();
  await refused(place, { token: "hf_wrong" }, "the token from the option token is not valid");
  await refused(place, { token: "hf_a b" }, "the token from the option token").catch(() => {});
  const strange = await assertRejects(() => place.open({ token: "hf_sec\nret" }), HubError, "invalid characters");
  assert(!strange.message.includes("ret:") && !strange.message.includes("hf_sec"));
});

Deno.test("the message about forbidden access says whether there was a token", async () => {
  await using place = await preparePlace();
  place.hub.fault = ({ path }) => path.includes("/resolve/") ? { status: 403 } : undefined;
  await refused(place, {}, "access is forbidden; pass a token");
  await refused(place, { token: "hf_good" }, "lacks the permission");
});

Deno.test("the messages about a missing revision, folder or file name it", async () => {
  await using place = await preparePlace();
  assertEquals((await refused(place, { revision: "v9" }, 'no branch, tag or commit "v9"')).status, 404);
  await refused(place, { subfolder: "vq vae" }, 'revision "main" holds no such file or folder: vq vae');
  place.hub.fault = ({ path }) =>
    path.endsWith("config.json") ? { status: 404, headers: { "x-error-code": "EntryNotFound" } } : undefined;
  await refused(place, {}, "holds no such file or folder: config.json");
});

Deno.test("the message about a mirror without lists names the files that were requested", async () => {
  await using place = await preparePlace({ "README.md": { bytes: CONFIG } });
  const noList = { status: 404, headers: {}, body: bytesOf("no route") };
  place.hub.fault = ({ path }) => path.includes("/tree/") ? noList : undefined;
  const error = await refused(
    place,
    {},
    `${place.hub.url} does not list its files (status 404)`,
    "none of config.json",
  );
  assert(!error.message.includes("no such repository"));
  assertEquals([error.status, error.errorCode], [404, undefined]);
  await refused(place, { subfolder: "vq vae", variant: "fp16" }, "in vq vae", "diffusion_pytorch_model.fp16.bin");

  place.hub.repos[REPO].commits[COMMIT]["config.json"] = { bytes: CONFIG };
  await assertRejects(() => place.open(), WeightsError, "found no weights among: config.json");
  for (const headers of [{ etag: "" }, { etag: '"abc"' }, { etag: '"../../../../../../evil/0123456789abcdef01234"' }]) {
    place.hub.fault = ({ path, method }) =>
      path.includes("/tree/") ? noList : method === "HEAD" ? { headers } : undefined;
    await refused(place, {}, "expected the size and the git-sha1 of config.json");
  }
  place.hub.fault = ({ path, method }) =>
    path.includes("/tree/") ? noList : method === "HEAD" ? { status: 403 } : undefined;
  await refused(place, {}, "access is forbidden");
});

Deno.test("the message about a repository without a model lists its files", async () => {
  await using place = await preparePlace({ "README.md": { bytes: CONFIG } });
  await assertRejects(
    () => place.open(),
    HubError,
    "Cannot load owner/name: expected config.json in it, found README.md",
  );
});

Deno.test("the message about an unreachable Hub says so", async () => {
  await using place = await preparePlace();
  place.hub.fault = () => ({ status: 429, headers: { "retry-after": "100000" } });
  const error = await refused(place, {}, "too many requests", 'holds nothing of revision "main"');
  assertEquals(error.status, 429);
});

Deno.test("names from the server never lead out of the cache", async () => {
  const hostile = ["../evil", "/evil", "a\\..\\..\\evil", "evil\0", "C:evil", "..", "."];
  const files = (more: Record<string, HubFile>) => ({ ...more, "config.json": { bytes: CONFIG } });
  const index = (file: string) => bytesOf(JSON.stringify({ weight_map: { a: file } }));
  const indexName = "diffusion_pytorch_model.safetensors.index.json";
  for (const name of hostile) {
    await using place = await preparePlace(files({ [indexName]: { bytes: index(name) } }));
    await assertRejects(() => place.open(), WeightsError, "expected the name of a file beside it");
    // In a list of files.
    const entry = { type: "file", path: name, size: 1, oid: "0".repeat(40) };
    place.hub.fault = ({ path }) =>
      path.includes("/tree/") ? { body: bytesOf(JSON.stringify([entry])), headers: {} } : undefined;
    await assertRejects(() => place.open(), HubError, "expected config.json in it, found nothing");
    assertEquals(tree(place.cacheDir).filter((path) => path.includes("evil")), []);
  }
});

Deno.test("the name of a component never leads out of the repository", async () => {
  const pipeline = (name: string) => bytesOf(JSON.stringify({ [name]: ["diffusers", "VQModel"] }));
  for (const name of ["../evil", "/evil", "..", "a\\b"]) {
    await using place = await preparePlace({ ...modelFiles("vqvae/"), "model_index.json": { bytes: pipeline(name) } });
    await assertRejects(() => place.open(), HubError, "expected a VQModel");
  }
});

Deno.test("hashes and sizes from the server are checked before they name files or allocate memory", async () => {
  const good = { type: "file", path: "config.json", size: 1, oid: "0".repeat(40) };
  const lfs = { oid: "0".repeat(64), size: 1, pointerSize: 1 };
  const wrong = [{ oid: "../../evil" }, { oid: 5 }, { size: -1 }, { size: 1e300 }, { size: "1" }, {
    oid: "A".repeat(40),
  }, {
    lfs: { ...lfs, oid: "../" },
  }, { lfs: { ...lfs, size: 0.5 } }];
  for (const change of wrong) {
    await using place = await preparePlace();
    const body = bytesOf(JSON.stringify([{ ...good, ...change }]));
    place.hub.fault = ({ path }) => path.includes("/tree/") ? { body, headers: {} } : undefined;
    await refused(place, {}, "expected the size and the");
  }
  await using place = await preparePlace();
  for (const sha of ["../../evil", "main", "", 5]) {
    const body = bytesOf(JSON.stringify({ id: REPO, sha }));
    place.hub.fault = ({ path }) => path.includes("/revision/") ? { body } : undefined;
    await refused(place, {}, "expected the commit of revision");
  }
});

Deno.test("a response that the package does not expect is an error with a clear message", async () => {
  await using place = await preparePlace();
  for (const body of ["3", "{}", "null"]) {
    place.hub.fault = ({ path }) => path.includes("/tree/") ? { body: bytesOf(body), headers: {} } : undefined;
    await refused(place, {}, "its response is not that of a Hub");
  }
});

testOnUnix("without a cache, a file larger than memory is an error", async () => {
  await using place = await preparePlace();
  const body = bytesOf(JSON.stringify([{ type: "file", path: "config.json", size: 2 ** 52, oid: "0".repeat(40) }]));
  place.hub.fault = ({ path }) => path.includes("/tree/") ? { body, headers: {} } : undefined;
  await refused(place, { cacheDir: "/sys" }, "not enough memory for its 4503599627370496 bytes");
});

Deno.test("links among the folders of a snapshot are not followed", async () => {
  await using place = await preparePlace(modelFiles("vqvae/"));
  const outside = await Deno.makeTempDir({ dir: place.cacheDir });
  await Deno.mkdir(`${place.folder}/snapshots/${COMMIT}`, { recursive: true });
  await Deno.symlink(outside, `${place.folder}/snapshots/${COMMIT}/vqvae`);
  const error = await assertRejects(() => place.open({ subfolder: "vqvae" }), HubError);
  assert(error.message.includes("a link that may lead out of it"));
  assertEquals([...Deno.readDirSync(outside)], []);
});

Deno.test("names of repositories and revisions are checked before any request", async () => {
  const options = { hubUrl: "http://127.0.0.1:9", cacheDir: "/none" };
  for (const repo of ["", "a/b/c", "../a", "a b", "a/..", "-a/b", "a--b/c", "a/b.git", "a/.b", "a\\b", "ä/b"]) {
    await assertRejects(
      () => openHubModel(repo, options),
      HubError,
      'expected a repository of the Hub, such as "owner/name"',
    );
  }
  for (const revision of ["", "..", "a/../b", "/a", "a\\b", "a\0", "a//b"]) {
    await assertRejects(() => openHubModel(REPO, { ...options, revision }), HubError, "expected a branch");
  }
  for (const hubUrl of ["hub", "ftp://hub", "https://"]) {
    await assertRejects(() => openHubModel(REPO, { ...options, hubUrl }), HubError, "expected the address of a Hub");
  }
});

Deno.test("paths and repositories are told apart", async () => {
  for (
    const path of [".", "..", "./a", "../a/b", "/a/b", "~", "~/a", "file:///a", "C:\\a", "c:/a", new URL("file:///a")]
  ) {
    assert(await isLocalPath(path), String(path));
  }
  assert(await isLocalPath(repository("tests")));
  for (const repo of ["owner/name", "name", "a.b/c-d_e", "~name".slice(1)]) assert(!await isLocalPath(repo), repo);
  await assertRejects(() => isLocalPath("no such/folder"), HubError, "or a directory that exists");
  const address = "https://hub.example/owner/name/tree/main";
  await assertRejects(() => isLocalPath(address), HubError, 'write "owner/name" for what is at that address');
});
