import { assert, assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { HubError, openHubModel, pushToHub, saveLocalModel } from "../../../hub/mod.ts";
import { COMMIT, FakeHub } from "../server.ts";
import { withFolder } from "../../support/folders.ts";

const CONFIG = '{"_class_name":"VQModel"}';
const VALUES = Float32Array.from({ length: 50_000 }, Math.sin);

async function withSavedModel(use: (folder: string, hub: FakeHub) => Promise<void>): Promise<void> {
  await using hub = new FakeHub();
  await withFolder(async (folder) => {
    const shape = [VALUES.length];
    await saveLocalModel(folder, CONFIG, [{ name: "a", dtype: "F32", shape, data: () => VALUES }]);
    await use(folder, hub);
  });
}

Deno.test("pushToHub creates a repository and commits a model that loads again", () =>
  withSavedModel(async (folder, { url, repos, received }) => {
    await Deno.writeTextFile(join(folder, "half.incomplete"), "");
    const options = { hubUrl: url, token: "hf_good" };
    const pushed = await pushToHub("owner/new", folder, { ...options, commitMessage: "Try", private: true });
    assertEquals(pushed.commit, repos["owner/new"].refs.main);
    assertEquals(pushed.commitUrl, `${url}/owner/new/commit/${pushed.commit}`);
    assertEquals(Object.keys(repos["owner/new"].commits[pushed.commit]).sort(), [
      "config.json",
      "diffusion_pytorch_model.safetensors",
    ]);
    const textOf = (part: string) => new TextDecoder().decode(received.find(({ path }) => path.includes(part))!.body);
    assertEquals(JSON.parse(textOf("/repos/create")).visibility, "private");
    assertEquals(JSON.parse(textOf("/commit/").split("\n")[0]).value.summary, "Try");
    const uploads = received.filter(({ server }) => server === "storage");
    assert(uploads.length === 1 && uploads.every(({ headers }) => !headers.has("authorization")));

    const { config, weights } = await openHubModel("owner/new", { ...options, cacheDir: join(folder, "cache") });
    assertEquals(config, { _class_name: "VQModel" });
    assertEquals(await weights.read("a"), VALUES);
    await weights.close();
  }));

Deno.test("pushToHub adds a model to an existing repository, or opens a pull request", () =>
  withSavedModel(async (folder, hub) => {
    hub.add("owner/name", { "README.md": { bytes: new Uint8Array([1]) } });
    const options = { hubUrl: hub.url, token: "hf_good", subfolder: "vqvae" };
    const proposed = await pushToHub("owner/name", folder, { ...options, createPr: true });
    assertEquals(proposed.pullRequestUrl, `${hub.url}/owner/name/discussions/1`);
    assertEquals(hub.repos["owner/name"].refs.main, COMMIT);
    const { commit } = await pushToHub("owner/name", toFileUrl(folder), options);
    assertEquals(Object.keys(hub.repos["owner/name"].commits[commit]).sort(), [
      "README.md",
      "vqvae/config.json",
      "vqvae/diffusion_pytorch_model.safetensors",
    ]);
  }));

Deno.test("pushToHub retries when the connection fails", () =>
  withSavedModel(async (folder, hub) => {
    const failed = new Set<string>();
    hub.fault = ({ path, server }) => {
      if (failed.has(path) || !(server === "storage" || /create|commit/.test(path))) return undefined;
      failed.add(path);
      return { status: 503 };
    };
    await pushToHub("owner/name", folder, { hubUrl: hub.url, token: "hf_good" });
    assertEquals(failed.size, 3);
  }));

Deno.test("pushToHub fails unless the response has a commit", () =>
  withSavedModel(async (folder, hub) => {
    for (const answer of [{}, { commitOid: null }, { commitOid: "main" }, { commitOid: 7, commitUrl: "x" }, []]) {
      hub.fault = ({ path }) =>
        path.includes("/commit/") ? { body: new TextEncoder().encode(JSON.stringify(answer)), headers: {} } : undefined;
      const pushing = pushToHub("owner/name", folder, { hubUrl: hub.url, token: "hf_good" });
      await assertRejects(() => pushing, HubError, "expected a commit in the response");
    }
  }));

Deno.test("pushToHub returns only URLs of pages, and pushes once if the response is a page", () =>
  withSavedModel(async (folder, hub) => {
    const options = { hubUrl: hub.url, token: "hf_good" };
    const answer = (body: string) => {
      hub.fault = ({ path }) =>
        path.includes("/commit/") ? { body: new TextEncoder().encode(body), headers: {} } : undefined;
    };
    for (const url of [7, {}, "javascript:alert(1)", "https://hub.example/?token=hf_good", "https://h/\x1b[2J"]) {
      answer(JSON.stringify({ commitOid: COMMIT, commitUrl: url, pullRequestUrl: url }));
      const pushed = await pushToHub("owner/name", folder, options);
      assertEquals(pushed, { commit: COMMIT, commitUrl: `${hub.url}/owner/name/commit/${COMMIT}` });
    }
    answer("<!doctype html><title>Welcome</title>");
    hub.received.length = 0;
    await assertRejects(() => pushToHub("owner/name", folder, options), HubError, "found a web page");
    assertEquals(hub.received.filter(({ path }) => path.includes("/commit/")).length, 1);
  }));

Deno.test("pushToHub says what is missing", () =>
  withSavedModel(async (folder, hub) => {
    const { url: hubUrl } = hub;
    await assertRejects(() => pushToHub("owner/name", folder, { hubUrl, token: "" }), HubError, "expected a token");
    const wrong = await assertRejects(() => pushToHub("owner/name", folder, { hubUrl, token: "hf_wrong" }), HubError);
    assert(wrong.message.startsWith("Cannot push to owner/name (status 401): the token from the option token is not"));
    const options = { hubUrl, token: "hf_good" };
    hub.fault = ({ path }) => path.includes("/commit/") ? { status: 403 } : undefined;
    await assertRejects(() => pushToHub("owner/name", folder, options), HubError, "lacks the permission");
    await assertRejects(() => pushToHub("owner/name", join(folder, "none"), options), HubError, "ENOENT");
    await assertRejects(() => pushToHub("a/b/c", folder, options), HubError, "expected a repository of the Hub");
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => pushToHub("owner/name", folder, { ...options, signal }), Error, "enough");
  }));

Deno.test("pushToHub ends if several uploads fail at once", () =>
  withSavedModel(async (folder, hub) => {
    hub.fault = ({ path, body }) => {
      if (!path.endsWith("/info/lfs/objects/batch")) return undefined;
      const { objects: [asked] } = JSON.parse(new TextDecoder().decode(body));
      const objects = Array(11).fill({ ...asked, actions: { upload: { href: `${hub.url}/nowhere` } } });
      return { body: new TextEncoder().encode(JSON.stringify({ transfer: "basic", objects })), headers: {} };
    };
    const fetch: typeof globalThis.fetch = (input, init) => {
      const isUpload = String(input).endsWith("/nowhere");
      return isUpload ? Promise.resolve(new Response(null, { status: 404 })) : globalThis.fetch(input, init);
    };
    const pushing = pushToHub("owner/new", folder, { hubUrl: hub.url, token: "hf_good", fetch });
    await assertRejects(() => pushing, HubError, "Cannot push to owner/new (status 404)");
  }));

Deno.test("pushToHub ends if the package waits forever", () =>
  withSavedModel(async (folder, hub) => {
    hub.fault = ({ path, body }) => {
      if (!path.endsWith("/info/lfs/objects/batch")) return undefined;
      const { objects: [asked] } = JSON.parse(new TextDecoder().decode(body));
      const upload = { href: `${hub.url}/nowhere` };
      const objects = [...Array(19).fill({ ...asked, actions: { upload } }), { oid: "of nobody", actions: { upload } }];
      return { body: new TextEncoder().encode(JSON.stringify({ transfer: "basic", objects })), headers: {} };
    };
    const fetch: typeof globalThis.fetch = (input, init) => {
      const isUpload = String(input).endsWith("/nowhere");
      return isUpload ? Promise.resolve(new Response()) : globalThis.fetch(input, init);
    };
    const { setInterval } = globalThis;
    globalThis.setInterval = ((task: () => void, ms: number) => setInterval(task, ms / 20)) as typeof setInterval;
    try {
      const pushing = pushToHub("owner/new", folder, { hubUrl: hub.url, token: "hf_good", fetch });
      await assertRejects(() => pushing, HubError, "the upload stopped");
    } finally {
      globalThis.setInterval = setInterval;
    }
  }));
