/**
 * A fake Hub on loopback, with the part of the HTTP API that models need, and storage for large files at another origin. It
 * writes raw responses, so that it can fail in every way that a real one does.
 */
import { createHash } from "node:crypto";
import { bytesOf, type Part } from "./files.ts";

/** A received request, and the number of bytes of the body that were sent for it. */
export interface Received {
  readonly server: "hub" | "storage";
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array;
  sent: number;
}

/** A response, or the part of it to change. */
export interface FakeResponse {
  status: number;
  /** Headers with the value "" are left out. */
  headers: Record<string, string>;
  body: Uint8Array;
  /** Breaks the connection after this number of bytes of the body. */
  cutAfter?: number;
  /** Sends this number of bytes at a time, with a pause in milliseconds in between. */
  drip?: { bytes: number; pause: number };
}

/** A file of a repository. */
export interface HubFile {
  bytes: Uint8Array;
  /** Whether it is in storage at another origin. */
  lfs?: boolean;
  /** Whether it is in Xet storage; needs `lfs`. */
  xet?: boolean;
}

/** A repository: the files of each commit, and the commit of each revision. */
export interface Repo {
  commits: Record<string, Record<string, HubFile>>;
  refs: Record<string, string>;
  /** The only token that may read it. */
  privateTo?: string;
  /** The only token whose account accepted its licence. */
  gatedTo?: string;
}

/** What the Hub and its storage let pages of other sites do in browsers. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, range",
  "access-control-expose-headers":
    "etag, link, content-range, x-error-code, x-error-message, x-linked-etag, x-linked-size",
};

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Errors of a connection that the client closed. */
const { BadResource, BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, UnexpectedEof } = Deno.errors;
const GONE = [BadResource, BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, UnexpectedEof];

export class FakeHub implements AsyncDisposable {
  readonly repos: Record<string, Repo> = {};
  readonly received: Received[] = [];
  /** Every valid token. */
  readonly tokens = ["hf_good", "hf_other"];
  /** Changes responses. */
  fault: (request: Received) => Partial<FakeResponse> | undefined = () => undefined;
  /** Number of entries per page of a list of files. */
  pageSize = 2;

  /** The servers that let no page of another site read their responses. */
  readonly withoutCors = new Set<Received["server"]>();

  readonly #hub = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #storage = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #stored = new Map<string, Uint8Array>();
  readonly #running: Promise<void>[] = [];
  readonly #open = new Set<Deno.Conn>();

  constructor() {
    this.#accept(this.#hub, "hub", (request) => this.#respond(request));
    this.#accept(this.#storage, "storage", (request) => this.#respondFromStorage(request));
  }

  /** URL of the Hub. */
  get url(): string {
    return `http://127.0.0.1:${(this.#hub.addr as Deno.NetAddr).port}`;
  }

  /** URL of the storage for large files, which is another origin. */
  get storageUrl(): string {
    return `http://127.0.0.1:${(this.#storage.addr as Deno.NetAddr).port}`;
  }

  /** Adds a repository with one commit on `main`. */
  add(name: string, files: Record<string, HubFile>): Repo {
    return this.repos[name] = { commits: { [COMMIT]: files }, refs: { main: COMMIT } };
  }

  /** The requests for the content of files, at the Hub and at the storage. */
  downloads(): Received[] {
    return this.received.filter(({ server, path, sent }) =>
      (server === "storage" || path.includes("/resolve/")) && sent
    );
  }

  /** Closes every connection, and accepts no more. */
  goDown(): void {
    for (const closing of [this.#hub, this.#storage, ...this.#open]) {
      try {
        closing.close();
      } catch {
        // Already closed.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goDown();
    await Promise.allSettled(this.#running);
  }

  #accept(listener: Deno.Listener, server: Received["server"], respond: (request: Received) => FakeResponse): void {
    this.#running.push((async () => {
      for await (const connection of listener) this.#running.push(this.#serve(connection, server, respond));
    })());
  }

  async #serve(connection: Deno.Conn, server: Received["server"], respond: (request: Received) => FakeResponse) {
    this.#open.add(connection);
    try {
      const request = await readRequest(connection, server);
      this.received.push(request);
      const isPreflight = request.method === "OPTIONS";
      const response = isPreflight ? { status: 204, headers: {}, body: bytesOf() } : respond(request);
      const changed = { ...response, ...this.fault(request) };
      const cors = this.withoutCors.has(server) ? {} : CORS;
      await send(connection, request, { ...changed, headers: { ...cors, ...changed.headers } });
    } catch (error) {
      if (!GONE.some((Kind) => error instanceof Kind)) throw error;
    } finally {
      this.#open.delete(connection);
      try {
        connection.close();
      } catch {
        // Closed by the client, or the server is down.
      }
    }
  }

  #respond(request: Received): FakeResponse {
    const { path, headers } = request;
    const token = headers.get("authorization")?.replace("Bearer ", "");
    if (token !== undefined && !this.tokens.includes(token)) {
      return refuse(401, { "x-error-message": "Invalid credentials in Authorization header" });
    }
    if (path === "/api/repos/create") return this.#create(request, token);
    const [, api, name, rest] = /^(\/api\/models)?\/([^/]+\/[^/.]+)(?:\.git)?\/(.*)$/.exec(path) ?? [];
    const repo = this.repos[name];
    if (!repo || (repo.privateTo && repo.privateTo !== token)) {
      return refuse(token ? 404 : 401, { "x-error-code": "RepoNotFound", "x-error-message": "Repository not found" });
    }
    const [verb, revision, ...folders] = rest.split("/");
    if (rest === "info/lfs/objects/batch") return this.#planUpload(request);
    if (verb === "preupload") return choosePlaces(request);
    if (verb === "commit") return this.#commit(repo, request, name, decodeURIComponent(revision));
    if (verb === "xet-read-token") {
      return json({ casUrl: this.storageUrl, accessToken: "xet_token", exp: Date.now() / 1000 + 3600 });
    }
    const commit = repo.refs[decodeURIComponent(revision)] ?? decodeURIComponent(revision);
    const files = repo.commits[commit];
    if (!files) return refuse(404, { "x-error-code": "RevisionNotFound", "x-error-message": "Invalid rev id" });
    if (api && verb === "revision") return json({ _id: "1", id: name, sha: commit, lastModified: "2026-01-01" });

    const inRepo = folders.map(decodeURIComponent).join("/");
    if (api && verb === "tree") return this.#list(request, files, inRepo);
    if (repo.gatedTo && repo.gatedTo !== token) {
      return refuse(token ? 403 : 401, {
        "x-error-code": "GatedRepo",
        "x-error-message": `Access to ${name} is gated`,
      });
    }
    return this.#resolve(request, files[inRepo], name, commit);
  }

  /** One page of a folder. */
  #list({ path, query }: Received, files: Record<string, HubFile>, folder: string): FakeResponse {
    const prefix = folder && `${folder}/`;
    const inside = Object.keys(files).filter((file) => file.startsWith(prefix)).map((file) =>
      file.slice(prefix.length)
    );
    if (inside.length === 0) return refuse(404, { "x-error-code": "EntryNotFound" });
    const folders = new Set(inside.filter((name) => name.includes("/")).map((name) => name.split("/")[0]));
    const entries = [
      ...[...folders].map((name) => ({ type: "directory", oid: "0".repeat(40), size: 0, path: prefix + name })),
      ...inside.filter((name) => !name.includes("/")).map((name) => describe(prefix + name, files[prefix + name])),
    ];
    const start = Number(query.get("cursor") ?? 0);
    const end = start + this.pageSize;
    const next = `<${this.url}${path}?recursive=false&expand=false&cursor=${end}>; rel="next"`;
    return json(entries.slice(start, end), end < entries.length ? { link: next } : {});
  }

  /** The content of a file, or a redirect to it. */
  #resolve(request: Received, file: HubFile | undefined, name: string, commit: string): FakeResponse {
    const headers: Record<string, string> = { "x-repo-commit": commit };
    if (!file) return refuse(404, { ...headers, "x-error-code": "EntryNotFound" });
    if (!file.lfs) return part(request, file.bytes, { ...headers, etag: `"${gitSha1(file.bytes)}"` });

    const oid = sha256(file.bytes);
    this.#stored.set(oid, file.bytes);
    Object.assign(headers, { "x-linked-etag": `"${oid}"`, "x-linked-size": String(file.bytes.length) });
    if (file.xet && request.headers.get("accept")?.includes("xet-fileinfo")) {
      const links = [
        `<${this.url}/api/models/${name}/xet-read-token/${commit}>; rel="xet-auth"`,
        `<${this.storageUrl}/v1/reconstructions/${oid}>; rel="xet-reconstruction-info"`,
      ];
      Object.assign(headers, { "x-xet-hash": oid, link: links.join(", ") });
      return json({}, { ...headers, "content-type": "application/vnd.xet-fileinfo+json" });
    }
    const location = `${this.storageUrl}/${oid}?Signature=${crypto.randomUUID()}`;
    return { status: 302, headers: { ...headers, location }, body: new Uint8Array() };
  }

  #respondFromStorage(request: Received): FakeResponse {
    const oid = request.path.slice(request.path.lastIndexOf("/") + 1);
    if (request.method === "PUT") {
      this.#stored.set(oid, request.body);
      return { status: 200, headers: { etag: `"${oid}"` }, body: new Uint8Array() };
    }
    const bytes = this.#stored.get(oid);
    if (!bytes) return refuse(404, {});
    if (request.path.startsWith("/v2/reconstructions/")) return reconstruct(request, oid, bytes, this.storageUrl);
    if (request.path.startsWith("/xorbs/")) return part(request, xorbOf(bytes), {});
    return part(request, bytes, { etag: `"${oid}"` });
  }

  #create(request: Received, token: string | undefined): FakeResponse {
    const { organization, name } = JSON.parse(new TextDecoder().decode(request.body));
    if (!token) return refuse(401, {});
    const repo = `${organization}/${name}`;
    if (this.repos[repo]) return refuse(409, {});
    this.repos[repo] = { commits: { [COMMIT]: {} }, refs: { main: COMMIT } };
    return json({ url: `${this.url}/${repo}`, id: "1" });
  }

  #planUpload(request: Received): FakeResponse {
    const { objects } = JSON.parse(new TextDecoder().decode(request.body)) as { objects: { oid: string }[] };
    const actions = (oid: string) => ({ upload: { href: `${this.storageUrl}/${oid}` } });
    return json({ transfer: "basic", objects: objects.map((object) => ({ ...object, actions: actions(object.oid) })) });
  }

  #commit(repo: Repo, request: Received, name: string, branch: string): FakeResponse {
    const lines = new TextDecoder().decode(request.body).split("\n").map((line) => JSON.parse(line));
    const files = { ...repo.commits[repo.refs[branch]] };
    for (const { key, value } of lines) {
      if (key === "file") files[value.path] = { bytes: Uint8Array.from(atob(value.content), (c) => c.charCodeAt(0)) };
      if (key === "lfsFile") files[value.path] = { bytes: this.#stored.get(value.oid)!, lfs: true };
    }
    const commit = gitSha1(request.body);
    repo.commits[commit] = files;
    if (!request.query.has("create_pr")) repo.refs[branch] = commit;
    const pullRequestUrl = request.query.has("create_pr") ? `${this.url}/${name}/discussions/1` : undefined;
    return json({
      commitOid: commit,
      commitUrl: `${this.url}/${name}/commit/${commit}`,
      pullRequestUrl,
      hookOutput: "",
    });
  }
}

/** The hash of LFS files. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Git's hash of a file. */
export function gitSha1(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function describe(path: string, { bytes, lfs, xet }: HubFile) {
  const pointer = { type: "file", oid: gitSha1(bytes), size: bytes.length, path };
  if (!lfs) return pointer;
  const hash = sha256(bytes);
  return { ...pointer, lfs: { oid: hash, size: bytes.length, pointerSize: 134 }, ...(xet ? { xetHash: hash } : {}) };
}

/** Weights are uploaded to the storage, other files with the commit. */
function choosePlaces(request: Received): FakeResponse {
  const { files } = JSON.parse(new TextDecoder().decode(request.body)) as { files: { path: string }[] };
  const mode = (path: string) => path.endsWith(".safetensors") ? "lfs" : "regular";
  return json({ files: files.map(({ path }) => ({ path, uploadMode: mode(path) })) });
}

/** A file as one Xet chunk, from an offset on. */
function reconstruct(request: Received, oid: string, bytes: Uint8Array, origin: string): FakeResponse {
  if (request.headers.get("authorization") !== "Bearer xet_token") return refuse(401, {});
  const start = Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  const chunks = { start: 0, end: 1 };
  return json({
    offset_into_first_range: start,
    terms: [{ hash: oid, unpacked_length: bytes.length, range: chunks }],
    xorbs: {
      [oid]: [{ url: `${origin}/xorbs/${oid}`, ranges: [{ chunks, bytes: { start: 0, end: bytes.length + 7 } }] }],
    },
  });
}

/** A Xet block with one uncompressed chunk: version, length, compression, unpacked length. */
function xorbOf(bytes: Uint8Array): Uint8Array {
  const length = [bytes.length & 255, bytes.length >> 8 & 255, bytes.length >> 16];
  return bytesOf([0, ...length, 0, ...length], bytes);
}

/** The range of a `Range` header. */
function part({ headers }: Received, bytes: Uint8Array, extra: Record<string, string>): FakeResponse {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
  if (from === undefined) return { status: 200, headers: extra, body: bytes };
  const start = Number(from);
  if (start >= bytes.length) return refuse(416, { "content-range": `bytes */${bytes.length}` });
  const body = bytes.subarray(start, to ? Number(to) + 1 : undefined);
  const range = `bytes ${start}-${start + body.length - 1}/${bytes.length}`;
  return { status: 206, headers: { ...extra, "content-range": range }, body };
}

function json(value: unknown, headers: Record<string, string> = {}): FakeResponse {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return { status: 200, headers: { "content-type": "application/json", ...headers }, body };
}

function refuse(status: number, headers: Record<string, string>): FakeResponse {
  return { status, headers, body: new TextEncoder().encode('{"error":"no"}') };
}

async function readRequest(connection: Deno.Conn, server: Received["server"]): Promise<Received> {
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  let received = bytesOf();
  const more = async () => {
    const count = await connection.read(buffer);
    if (count === null) throw new Deno.errors.UnexpectedEof("no request");
    received = bytesOf(received, buffer.subarray(0, count));
    text = new TextDecoder("latin1").decode(received);
  };
  while (!text.includes("\r\n\r\n")) await more();
  const [head] = text.split("\r\n\r\n");
  const [request, ...lines] = head.split("\r\n");
  const [method, target] = request.split(" ");
  const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/).slice(0, 2) as [string, string]));

  const start = head.length + 4;
  const isChunked = headers.get("transfer-encoding") === "chunked";
  while (
    isChunked ? !text.endsWith("0\r\n\r\n") : received.length < start + Number(headers.get("content-length") ?? 0)
  ) {
    await more();
  }
  const body = isChunked ? unchunk(received.subarray(start)) : received.subarray(start);
  const { pathname, searchParams } = new URL(target, "http://hub");
  return { server, method, path: pathname, query: searchParams, headers, body, sent: 0 };
}

/** Joins a chunked body, in which each chunk follows its length. */
function unchunk(bytes: Uint8Array): Uint8Array {
  const parts: Part[] = [];
  for (let at = 0;;) {
    const end = bytes.indexOf(13, at);
    const length = parseInt(new TextDecoder().decode(bytes.subarray(at, end)), 16);
    if (length === 0) return bytesOf(...parts);
    parts.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

async function send(connection: Deno.Conn, request: Received, response: FakeResponse): Promise<void> {
  const { status, body, cutAfter = body.length, drip = { bytes: 16_384, pause: 0 } } = response;
  const headers = { "content-length": String(body.length), ...response.headers, connection: "close" };
  const head = Object.entries(headers).filter(([, value]) => value !== "").map(([name, value]) =>
    `${name}: ${value}\r\n`
  ).join("");
  await write(connection, new TextEncoder().encode(`HTTP/1.1 ${status} Whatever\r\n${head}\r\n`));
  if (request.method === "HEAD") return;
  for (let at = 0; at < cutAfter; at += drip.bytes) {
    const piece = body.subarray(at, Math.min(at + drip.bytes, cutAfter));
    await write(connection, piece);
    if (status < 300) request.sent += piece.length;
    if (drip.pause > 0) await new Promise((resolve) => setTimeout(resolve, drip.pause));
  }
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}
