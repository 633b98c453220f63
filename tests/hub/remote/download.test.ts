import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { HubError } from "../../../hub/mod.ts";
import { bytesSent, locks, partialOf, type Place, preparePlace, tree, WEIGHTS, weightsPath } from "../hub_fixture.ts";
import { type FakeResponse, type Received, sha256 } from "../server.ts";
import { testOnUnix } from "../../support/systems.ts";

/** Largest read from a connection. */
const CHUNK = 65_536;

/** Changes the responses of the storage, the first one with the first fault and so on. */
function faults(place: Place, ...list: (Partial<FakeResponse> | undefined)[]): void {
  place.hub.fault = ({ server }) => server === "storage" ? list.shift() : undefined;
}

/** The requests to the storage. */
function stored({ hub }: Place): Received[] {
  return hub.received.filter(({ server }) => server === "storage");
}

/** Checks that the weights are not in the snapshot. */
async function assertNothingKept(place: Place): Promise<void> {
  await assertRejects(() => Deno.lstat(weightsPath(place)));
  assertEquals(tree(place.cacheDir).filter((path) => path.includes(sha256(WEIGHTS))), []);
  assertEquals(locks(place), []);
}

Deno.test("a download is resumed wherever its connection broke", async () => {
  for (const cutAfter of [0, 1, 7, 16_384, 100_003, WEIGHTS.length - 1]) {
    await using place = await preparePlace();
    faults(place, { cutAfter });
    await place.load();
    assertEquals(stored(place).map(({ headers }) => headers.get("range")), [
      null,
      cutAfter ? `bytes=${cutAfter}-` : null,
    ]);
    assertEquals(bytesSent(place), WEIGHTS.length);
    assertEquals(sha256(await Deno.readFile(weightsPath(place))), sha256(WEIGHTS));
  }
});

Deno.test("a connection that breaks repeatedly is retried as long as bytes arrive", async () => {
  await using place = await preparePlace();
  place.hub.fault = ({ server }) => server === "storage" ? { cutAfter: 30_000 } : undefined;
  await place.load();
  assertEquals(stored(place).length, Math.ceil(WEIGHTS.length / 30_000));
  assertEquals(bytesSent(place), WEIGHTS.length);
});

Deno.test("empty chunks do not count as progress", async () => {
  await using place = await preparePlace();
  let asked = 0;
  const fetch: typeof globalThis.fetch = async (...request) => {
    const response = await globalThis.fetch(...request);
    if (!response.url.startsWith(place.hub.storageUrl)) return response;
    await response.body?.cancel();
    if (++asked > 10) throw new Error("asked too often");
    return new Response(ReadableStream.from([new Uint8Array(), new Uint8Array()]), { headers: response.headers });
  };
  await assertRejects(() => place.open({ fetch }), HubError, "the connection ended after 0 of");
});

Deno.test("a second call resumes the download of the first, at any byte", async () => {
  for (const have of [1, 1000, 131_072, WEIGHTS.length - 1, WEIGHTS.length]) {
    await using place = await preparePlace();
    await Deno.mkdir(place.blobs, { recursive: true });
    await Deno.writeFile(partialOf(place), WEIGHTS.subarray(0, have));
    await place.load();
    assertEquals(bytesSent(place), WEIGHTS.length - have);
    assert(!tree(place.cacheDir).some((path) => path.endsWith(".incomplete")));
  }
});

Deno.test("a server that ignores ranges is supported", async () => {
  await using place = await preparePlace();
  await Deno.mkdir(place.blobs, { recursive: true });
  await Deno.writeFile(partialOf(place), WEIGHTS.subarray(0, 1000));
  faults(place, { status: 200, headers: {}, body: WEIGHTS });
  await place.load();
});

Deno.test("a response with another range than requested is refused", async () => {
  await using place = await preparePlace();
  await Deno.mkdir(place.blobs, { recursive: true });
  await Deno.writeFile(partialOf(place), WEIGHTS.subarray(0, 1000));
  const range = `bytes 2000-${WEIGHTS.length - 1}/${WEIGHTS.length}`;
  faults(place, { headers: { "content-range": range }, body: WEIGHTS.subarray(2000) });
  await place.load();
});

Deno.test("wrong bytes are an error, and are not kept", async () => {
  await using place = await preparePlace();
  const wrong = WEIGHTS.slice();
  wrong[5000] ^= 1;
  faults(place, { body: wrong });
  await assertRejects(() => place.open(), HubError, "safetensors of owner/name: expected sha256");
  await assertNothingKept(place);
  await place.load();
});

Deno.test("wrong bytes of a small file are an error as well", async () => {
  await using place = await preparePlace();
  place.hub.fault = ({ path }) =>
    path.endsWith("config.json") ? { body: new TextEncoder().encode("{}".padEnd(25)) } : {};
  await assertRejects(() => place.open(), HubError, "config.json of owner/name: expected git-sha1");
  assert(!tree(place.cacheDir).some((path) => path.includes("snapshots")));
});

Deno.test("an incomplete file that was damaged on the disk does not prevent later downloads", async () => {
  await using place = await preparePlace();
  await Deno.mkdir(place.blobs, { recursive: true });
  await Deno.writeFile(partialOf(place), new Uint8Array(1000));
  await assertRejects(() => place.open(), HubError, "try again");
  await place.load();
});

Deno.test("a wrong length is an error, and nothing is kept", async () => {
  for (const body of [WEIGHTS.subarray(0, 1000), new Uint8Array(WEIGHTS.length + 1)]) {
    await using place = await preparePlace();
    faults(place, { body });
    await assertRejects(
      () => place.open(),
      HubError,
      `expected ${WEIGHTS.length} bytes, the server has ${body.length}`,
    );
    await assertNothingKept(place);
  }
});

Deno.test("more bytes than announced are an error", async () => {
  await using place = await preparePlace();
  const chunk = "10000\r\n" + "x".repeat(65_536) + "\r\n";
  const body = new TextEncoder().encode(chunk.repeat(4) + "0\r\n\r\n");
  place.hub.fault = ({ server }) =>
    server === "storage" ? { headers: { "transfer-encoding": "chunked", "content-length": "" }, body } : undefined;
  await assertRejects(() => place.open(), HubError, "the server has more");
  await assertNothingKept(place);
});

Deno.test("after too many requests, the Hub's Retry-After is respected", async () => {
  await using place = await preparePlace();
  const times: number[] = [];
  place.hub.fault = ({ path }) => {
    if (!path.includes("/revision/")) return undefined;
    times.push(performance.now());
    return times.length === 1 ? { status: 429, headers: { "retry-after": "1" } } : undefined;
  };
  await place.load();
  assert(times[1] - times[0] >= 1000);
});

Deno.test("a server that fails twice is requested a third time", async () => {
  for (const part of ["/revision/", "/tree/", "/resolve/"]) {
    await using place = await preparePlace();
    let failures = 0;
    place.hub.fault = ({ path }) => path.includes(part) && ++failures <= 2 ? { status: 502 } : undefined;
    await place.load();
    assert(failures >= 3);
  }
});

Deno.test("a truncated response is requested again", async () => {
  await using place = await preparePlace();
  let failures = 0;
  place.hub.fault = ({ path }) => path.includes("/tree/") && ++failures === 1 ? { cutAfter: 10 } : undefined;
  await place.load();
});

Deno.test("a stalled response is requested again", async () => {
  await using place = await preparePlace();
  let slow = 0;
  const drip = { bytes: 5, pause: 50 };
  place.hub.fault = ({ path }) => path.includes("/tree/") && ++slow === 1 ? { drip } : undefined;
  await place.load({ timeout: 300 });
  assert(slow >= 2);
});

Deno.test("an error that onProgress throws aborts the loading and is rethrown", async () => {
  await using place = await preparePlace();
  const reason = new Error("no window to draw in");
  const onProgress = ({ loaded }: { loaded: number }) => {
    if (loaded > 100_000) throw reason;
  };
  assertEquals(await place.open({ onProgress }).catch((error) => error), reason);
  assertEquals(locks(place), []);
  const { size } = await Deno.stat(partialOf(place));
  place.hub.received.length = 0;
  await place.load();
  assertEquals(bytesSent(place), WEIGHTS.length - size);
});

Deno.test("slow bytes are awaited, but a stalled connection is made again", async () => {
  await using place = await preparePlace();
  faults(place, { cutAfter: 20_000, drip: { bytes: 1000, pause: 30 } }, { drip: { bytes: 50_000, pause: 900 } });
  await place.load({ timeout: 500 });
  assert(stored(place).length > 2);
  assert(bytesSent(place) <= WEIGHTS.length + (stored(place).length - 1) * CHUNK);
});

Deno.test("a server that does not respond in time counts as unreachable", async () => {
  await using place = await preparePlace();
  await place.load();
  const fetch: typeof globalThis.fetch = (_input, init) =>
    new Promise((_, reject) => init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason)));
  await place.load({ fetch, timeout: 50 });
  assert(place.events.some(({ reason }) => reason?.includes("no response within 0.05 s")));
});

Deno.test("a Hub that never responded is retried less than one that did", async () => {
  await using place = await preparePlace();
  let answers = 1;
  let attempts = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (attempts++ === answers) place.hub.goDown();
    return await globalThis.fetch(input, init);
  };
  const signal = AbortSignal.timeout(3_000); // the pauses: 0.1, 0.3, 0.9, 2.7 s
  await assertRejects(() => place.open({ fetch, signal }), DOMException);
  assert(attempts > answers + 3, `${attempts}`);

  answers = attempts = 0;
  await assertRejects(() => place.open({ fetch }), HubError, "tcp connect error");
  assertEquals(attempts, 3);
});

Deno.test("an expired signed URL is replaced by a new one", async () => {
  await using place = await preparePlace();
  faults(place, { cutAfter: 50_000 }, { status: 403, body: new TextEncoder().encode("Request has expired") });
  await place.load();
  const signatures = stored(place).map(({ query }) => query.get("Signature"));
  assertEquals(new Set(signatures).size, 3);
  assertEquals(bytesSent(place), WEIGHTS.length);
});

Deno.test("the token is sent to the Hub only", async () => {
  await using place = await preparePlace();
  const { hub } = place;
  // Not even a fetch that keeps headers on redirects may send it.
  const seen: string[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    if (new Headers(init?.headers).has("authorization")) seen.push(new URL(String(input)).origin);
    assertEquals(init?.redirect, "manual");
    return globalThis.fetch(input, init);
  };
  await place.load({ token: "hf_good", fetch });
  assertEquals([...new Set(seen)], [hub.url]);
  assert(stored(place).length > 0 && stored(place).every(({ headers }) => !headers.has("authorization")));
  assert(hub.received.filter(({ server }) => server === "hub").every(({ headers }) => headers.has("authorization")));
});

Deno.test("the next page of a list on another host does not get the token", async () => {
  await using place = await preparePlace();
  const { hub } = place;
  hub.pageSize = 1;
  const headers = { link: `<${hub.storageUrl}/api/models/owner/name/tree/x>; rel="next"` };
  hub.fault = ({ path, server }) => server === "hub" && path.includes("/tree/") ? { headers } : undefined;
  await assertRejects(() => place.open({ token: "hf_good" }), HubError);
  assert(stored(place).length > 0 && stored(place).every(({ headers }) => !headers.has("authorization")));
});

Deno.test("endless redirects are an error", async () => {
  await using place = await preparePlace();
  place.hub.fault = ({ path, server }) => server === "hub" ? { status: 307, headers: { location: path } } : undefined;
  await assertRejects(() => place.open(), HubError, "it redirects too often");
});

Deno.test("a renamed repository is found by its redirect", async () => {
  await using place = await preparePlace();
  const { hub } = place;
  hub.repos["owner/new"] = hub.repos["owner/name"];
  delete hub.repos["owner/name"];
  hub.fault = ({ path, query }) =>
    path.includes("owner/name")
      ? { status: 307, headers: { location: `${path.replace("owner/name", "owner/new")}?${query}` } }
      : undefined;
  await place.load();
});

Deno.test("an abort at any point leaves a download that can be resumed, and no lock", async () => {
  for (const stage of ["/revision/", "/tree/", "config.json", "a quarter", "the end"]) {
    await using place = await preparePlace();
    const abort = new AbortController();
    const reason = new Error("enough");
    place.hub.fault = ({ path }) => {
      if (path.includes(stage)) abort.abort(reason);
      return undefined;
    };
    const onProgress = ({ loaded, total, file }: { loaded: number; total: number; file: string }) => {
      if (!file.endsWith("safetensors") || total === 0) return;
      if (loaded >= (stage === "a quarter" ? total / 4 : total)) abort.abort(reason);
    };
    assertEquals(await place.open({ signal: abort.signal, onProgress }).catch((error) => error), reason, stage);
    assertEquals(locks(place), [], stage);
    const before = bytesSent(place);
    place.hub.fault = () => undefined;
    if (stage === "a quarter") {
      const { size } = await Deno.stat(partialOf(place));
      assert(size >= WEIGHTS.length / 4);
      place.hub.received.length = 0;
      await place.load();
      assertEquals(bytesSent(place), WEIGHTS.length - size);
    } else {
      await place.load();
    }
    if (stage === "the end") assertEquals(bytesSent(place), before);
  }
});

Deno.test("after an early abort, no request is made", async () => {
  await using place = await preparePlace();
  await assertRejects(() => place.open({ signal: AbortSignal.abort(new Error("never")) }), Error, "never");
  assertEquals(place.hub.received, []);
});

Deno.test("two concurrent calls download once", async () => {
  await using place = await preparePlace();
  faults(place, { drip: { bytes: 20_000, pause: 10 } });
  await Promise.all([place.load(), place.load(), place.load()]);
  assertEquals(bytesSent(place), WEIGHTS.length);
  assertEquals(locks(place), []);
});

Deno.test("the lock of a dead process is taken over", async () => {
  await using place = await preparePlace();
  const folder = join(place.cacheDir, ".locks", "models--owner--name");
  await Deno.mkdir(folder, { recursive: true });
  const lock = join(folder, `${sha256(WEIGHTS)}.vqmodel.lock`);
  await Deno.writeTextFile(lock, "");
  const old = new Date(Date.now() - 60_000);
  await Deno.utime(lock, old, old);
  await place.load();
  assertEquals(locks(place), []);
});

testOnUnix("without a cache, a model is loaded into memory, with the same checks", async () => {
  await using place = await preparePlace();
  const cacheDir = "/sys"; // not even root may write there
  faults(place, { cutAfter: 100_000 });
  await place.load({ cacheDir });
  assertEquals(bytesSent(place), WEIGHTS.length);
  const wrong = WEIGHTS.slice();
  wrong[5000] ^= 1;
  faults(place, { body: wrong });
  await assertRejects(() => place.open({ cacheDir }), HubError, "expected sha256");
});

testOnUnix("without a cache, half a model is loaded from a server that sends whole files only", async () => {
  await using place = await preparePlace();
  const options = { cacheDir: "/sys", only: "encoder" } as const;
  const whole = { status: 200, body: WEIGHTS, headers: {} };
  place.hub.fault = ({ server }) => server === "storage" ? whole : undefined;
  await place.load(options);
  const wrong = WEIGHTS.slice();
  wrong[5000] ^= 1;
  place.hub.fault = ({ server }) => server === "storage" ? { ...whole, body: wrong } : undefined;
  await assertRejects(() => place.load(options), HubError, "expected sha256");
});

Deno.test("a cache that is not a folder is an error", async () => {
  await using place = await preparePlace();
  const cacheDir = join(place.cacheDir, "file");
  await Deno.writeTextFile(cacheDir, "");
  await assertRejects(() => place.open({ cacheDir }), HubError, "Cannot write to");
});
