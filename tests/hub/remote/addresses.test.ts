/** Redirects of a Hub, and secrecy of URLs and tokens. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { toFileUrl } from "@std/path";
import { connectTo, type HubAccess } from "../../../hub/remote/access.ts";
import { HubError, pushToHub, saveLocalModel } from "../../../hub/mod.ts";
import { resolveRevision } from "../../../hub/remote/resolve.ts";
import { bytesOf } from "../files.ts";
import { CONFIG, modelFiles, type Place, preparePlace, REPO, WEIGHTS } from "../hub_fixture.ts";
import type { FakeResponse, Received } from "../server.ts";
import { repository } from "../../support/paths.ts";

/** A place whose Hub and storage have https URLs. Their responses lead to http unless `rewrite` is set. */
function overHttps({ hub }: Place, rewrite = false) {
  const hosts: Record<string, string> = { "hub.example": hub.url, "storage.example": hub.storageUrl };
  const requested: string[] = [];
  const toHttps = (text: string) =>
    Object.entries(hosts).reduce((text, [host, url]) => text.replaceAll(url, `https://${host}`), text);
  const ask = async (input: string | URL | Request, init?: RequestInit) => {
    const url = new URL(input instanceof Request ? input.url : input);
    requested.push(url.href);
    assertEquals(url.protocol, "https:");
    const response = await fetch(hosts[url.host] + url.pathname + url.search, init);
    if (!rewrite) return response;
    const headers = [...response.headers].map(([name, value]) => [name, toHttps(value)] as [string, string]);
    const isJson = response.headers.get("content-type")?.includes("json");
    const body = isJson ? toHttps(await response.text()) : response.body;
    return new Response(body, { status: response.status, headers });
  };
  return { requested, options: { hubUrl: "https://hub.example", fetch: ask as typeof fetch, token: "hf_good" } };
}

/** Everything that a runtime would print of an error. */
function printed(error: unknown): string {
  return Deno.inspect(error, { depth: 100 });
}

const leadTo = (location: string, status = 302): Partial<FakeResponse> => ({
  status,
  headers: { location },
  body: new Uint8Array(),
});

const FORBIDDEN = [
  toFileUrl(repository("deno.json")).href,
  "data:application/json,{}",
  "blob:https://hub.example/0",
  "javascript:1",
  "ftp://hub.example/config.json",
  "https://",
  "https://[",
  "https://h:99999/",
];

Deno.test("redirects to files, data and invalid URLs are refused for every request", async () => {
  for (const kind of ["/revision/", "/tree/", "/resolve/"]) {
    for (const [i, location] of FORBIDDEN.entries()) {
      await using place = await preparePlace();
      place.hub.fault = ({ path }) =>
        path.includes(kind) ? leadTo(location, [301, 302, 303, 307, 308][i % 5]) : undefined;
      const error = await assertRejects(() => place.open(), HubError, `Cannot load ${REPO}: ${place.hub.url} leads to`);
      assert(!printed(error).includes(location), error.message);
    }
  }
});

Deno.test("a long URL is shortened in an error", async () => {
  await using place = await preparePlace();
  const fetch: typeof globalThis.fetch = (input, init) => {
    const headers = { "retry-after": "1000" }; // no retry
    const isElsewhere = String(input).includes("aaaa");
    return isElsewhere ? Promise.resolve(new Response(null, { status: 503, headers })) : globalThis.fetch(input, init);
  };
  for (const location of [`https://${"a".repeat(5000)}.example`, `${"a".repeat(5000)}://example`]) {
    place.hub.fault = ({ path }) => path.includes("/resolve/") ? leadTo(location) : undefined;
    const { message } = await assertRejects(() => place.open({ fetch }), HubError, "aaa…");
    assert(message.length < 1000, message);
  }
});

const XET = { ...modelFiles(), "diffusion_pytorch_model.safetensors": { bytes: WEIGHTS, lfs: true, xet: true } };

Deno.test("an https Hub cannot lead to http by redirects, pages, Xet or uploads", async () => {
  for (const [files, pageSize] of [[modelFiles(), 1], [modelFiles(), 9], [XET, 9]] as const) {
    await using place = await preparePlace(files);
    place.hub.pageSize = pageSize;
    const { options, requested } = overHttps(place);
    const signal = AbortSignal.timeout(1000); // Xet is retried
    await assertRejects(() => place.open({ ...options, signal }), Error, files === XET ? "" : "expected https:");
    assert(requested.every((url) => url.startsWith("https://hub.example/")));
  }
  await using place = await preparePlace();
  const { options, requested } = overHttps(place);
  const folder = `${place.cacheDir}/saved`;
  await saveLocalModel(folder, "{}", [{ name: "a", dtype: "F32", shape: [1], data: () => Float32Array.of(1) }]);
  const refused = await assertRejects(() => pushToHub(REPO, folder, options), HubError);
  assertStringIncludes(refused.message, "https://hub.example leads to an address of http:, expected https:");
  assert(requested.every((url) => url.startsWith("https://hub.example/")));
});

Deno.test("an https Hub may lead to https, and the token is sent to the Hub only", async () => {
  for (const files of [modelFiles(), XET]) {
    await using place = await preparePlace(files);
    place.hub.pageSize = 1;
    const { options, requested } = overHttps(place, true);
    await place.load(options);
    assert(requested.some((url) => url.startsWith("https://storage.example/")));
    const tokens = place.hub.received.filter(({ headers }) => headers.get("authorization") === "Bearer hf_good");
    assert(tokens.length > 2 && tokens.every(({ server }) => server === "hub"));
  }
});

Deno.test("relative redirects are followed, and from http also those to http and https", async () => {
  await using place = await preparePlace();
  const { hub } = place;
  const here = new URL(hub.url).host;
  hub.fault = ({ path }) => {
    const rest = /^\/moved\d(\/.*)$/.exec(path)?.[1];
    if (path.startsWith("/moved") || !path.endsWith("config.json")) {
      return rest === undefined ? undefined : leadTo(rest);
    }
    return path.includes("/resolve/") && !hub.received.some(({ path }) => path.startsWith("/moved"))
      ? leadTo(`//${here}/moved1${path}`)
      : undefined;
  };
  await place.load({ token: "hf_good" });
  assert(hub.received.some(({ path }) => path.startsWith("/moved1/")));

  const requested: string[] = [];
  const respond: typeof fetch = (input) => {
    requested.push(`${input}`);
    const next = `${input}`.startsWith("http:") ? "https://b.example/" : "http://c.example/";
    return Promise.resolve(new Response(null, leadTo(next)));
  };
  await assertRejects(
    () => place.open({ hubUrl: "http://a.example", fetch: respond }),
    HubError,
    "https://b.example leads",
  );
  assertEquals(requested.map((url) => new URL(url).origin), ["http://a.example", "https://b.example"]);
});

/** The error of a request without retries. */
async function failureOf(place: Place, response: Partial<FakeResponse>, options: HubAccess = {}): Promise<HubError> {
  place.hub.fault = () => response;
  const connection = await connectTo(REPO, "load", "main", { hubUrl: place.hub.url, token: "", ...options });
  return await assertRejects(() => resolveRevision(connection, 0), HubError);
}

Deno.test("a signed URL is neither in the message nor in the cause of an error", async () => {
  await using place = await preparePlace();
  const error = await failureOf(place, leadTo("http://127.0.0.1:9/x?X-Signature=SIGNED#SIGNED"));
  assertStringIncludes(error.message, "http://127.0.0.1:9 cannot be reached");
  assert(error.cause instanceof Error);
  assert(!printed(error).includes("SIGNED"), printed(error));
  for (const location of ["http://h:port/?X-Signature=SIGNED", "//[?X-Signature=SIGNED"]) {
    const invalid = await failureOf(place, leadTo(location));
    assertStringIncludes(invalid.message, "an invalid URL");
    assert(!printed(invalid).includes("SIGNED"));
  }
});

Deno.test("signed URLs in errors of the caller's fetch are not repeated", async () => {
  await using place = await preparePlace();
  const fails = (url: string) => {
    const cause = Object.assign(new Error(`connect to ${url}`), { code: "ECONNREFUSED", url });
    return Object.assign(new TypeError(`fetch of ${url} failed`, { cause }), { request: url });
  };
  const error = await failureOf(place, leadTo("https://storage.example/x?X-Signature=SIGNED"), {
    fetch: ((input, init) =>
      `${input}`.includes("SIGNED") ? Promise.reject(fails(`${input}`)) : fetch(input, init)) as typeof fetch,
  });
  assertStringIncludes(
    error.message,
    "https://storage.example cannot be reached; connect to https://storage.example/x?…",
  );
  assert(!printed(error).includes("SIGNED"), printed(error));
  const { cause } = error.cause as Error;
  assertEquals([(error.cause as Error).name, (cause as { code?: string }).code], ["TypeError", "ECONNREFUSED"]);
});

Deno.test("a password in hubUrl authorizes requests, and is in no message", async () => {
  await using place = await preparePlace();
  const { hub } = place;
  const hubUrl = hub.url.replace("//", "//me:s%C3%A9cret%21@") + "/";
  const authorization = `Basic ${btoa(String.fromCharCode(...bytesOf("me:sécret!")))}`;
  hub.tokens.push(authorization);
  await place.load({ hubUrl, token: undefined });
  const requested = hub.received.filter(({ server }) => server === "hub").map(({ headers }) =>
    headers.get("authorization")
  );
  assertEquals(new Set(requested), new Set([authorization]));
  assert(hub.received.every(({ server, headers }) => server === "hub" || !headers.has("authorization")));

  const responses: Partial<FakeResponse>[] = [
    { status: 401, headers: {} },
    { status: 403, headers: {} },
    { status: 404, headers: { "x-error-code": "RevisionNotFound" } },
    { status: 401, headers: { "x-error-code": "GatedRepo" } },
    { status: 418, headers: {} },
    { status: 500, headers: {} },
    { status: 200, body: bytesOf('{"sha": "me:sécret!"}') },
    leadTo("http://me:s%C3%A9cret!@127.0.0.1:9/"),
  ];
  for (const response of responses) {
    const error = await failureOf(place, response, { hubUrl });
    assert(!/cret/.test(printed(error)), printed(error));
  }
  const none = [
    "ftp://me:sécret!@h",
    "me:sécret!@h",
    "http://me:s/écret!@h",
    "http://me:sécret!@h:port",
    "http://h/?sécret!",
  ];
  for (const hubUrl of [...none, "http://h/#sécret!", "file:///écret!@h"]) {
    const error = await assertRejects(() => place.open({ hubUrl }), HubError, "expected the address of a Hub");
    assert(!/cret/.test(printed(error)), printed(error));
  }
});

Deno.test("a token that the Hub sends back is not in an error", async () => {
  const token = "hf_good";
  const echo = (value: unknown) => ({ status: 200, headers: {}, body: bytesOf(JSON.stringify(value)) });
  const responses: Partial<FakeResponse>[] = [
    echo({ sha: token }),
    { status: 200, headers: {}, body: bytesOf(`{"sha": ${token}`) },
    { status: 400, headers: { "x-error-code": token, "x-error-message": token } },
    leadTo(`http://${token}@127.0.0.1:9/${token}?${token}`),
    leadTo(`${token}:x`),
    leadTo(`https://[${token}`),
  ];
  await using place = await preparePlace();
  for (const response of responses) {
    const error = await failureOf(place, response, { token });
    assert(!printed(error).includes(token), printed(error));
  }

  const entry = { type: "file", path: "config.json", size: 1, oid: "0".repeat(40) };
  const faults: [kind: string, response: Partial<FakeResponse>][] = [
    ["/tree/", echo([{ ...entry, oid: token }])],
    ["/tree/", echo([{ ...entry, path: token }])],
    ["/resolve/", { status: 416, headers: { "content-range": `bytes */${token}` } }],
    ["/resolve/", leadTo(`${place.hub.url}/moved/%ff/${token}`)],
  ];
  for (const [kind, response] of faults) {
    const missing = { status: 404, headers: { "x-error-code": "EntryNotFound" } };
    place.hub.fault = ({ path }) => path.includes(kind) ? response : path.startsWith("/moved") ? missing : undefined;
    const error = await assertRejects(() => place.open({ token }), HubError);
    assert(!printed(error).includes(token), printed(error));
  }
});

Deno.test("responses that are too large, deep or long are refused", async () => {
  const isList = ({ path }: Received) => path.includes("/tree/");
  const deep = bytesOf(`{"sha": ${"[".repeat(10_000)}${"]".repeat(10_000)}}`);
  for (
    const [response, message] of [
      [{ body: new Uint8Array(11_000_000).fill(0x20) }, "a response of at most 10000000 bytes"],
      [{ body: deep }, "nested at most 64 deep"],
      [{ body: bytesOf("[]"), headers: { link: `<HUB/tree/>; rel="next"` } }, "at most 100 pages"],
    ] as const
  ) {
    await using place = await preparePlace();
    const link = "headers" in response
      ? response.headers.link.replace("HUB", place.hub.url + "/api/models/owner/name")
      : "";
    place.hub.fault = (request) =>
      isList(request) ? { status: 200, body: response.body, headers: { link } } : undefined;
    await assertRejects(() => place.open(), HubError, message);
  }
});

Deno.test("invalid entries of a list, and names with control characters, are left out", async () => {
  await using place = await preparePlace();
  const entry = { type: "file", size: CONFIG.length, oid: "0".repeat(40) };
  const entries = [null, 1, [], { ...entry, path: 5 }, { ...entry, path: "\x1b[2J.json" }, {
    ...entry,
    path: "a\u202eb",
  }];
  place.hub.fault = ({ path }) =>
    path.includes("/tree/") ? { body: bytesOf(JSON.stringify(entries)), headers: {} } : undefined;
  const { message } = await assertRejects(() => place.open(), HubError, "expected config.json in it");
  assertStringIncludes(message, "found a\\u{202e}b");
  assert(!message.includes("[2J"));
});
