/**
 * A Hub in memory, with its responses as JSON that can be damaged.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Bytes, latin1, textOf } from "../mutations/bytes.ts";
import { fixture } from "./target.ts";

/** URL of the Hub. */
export const HUB = "https://hub.example";
const STORAGE = "https://storage.example";
/** The commit of `main`. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** The model's files. */
export const CONFIG = latin1('{"_class_name": "VQModel"}');
export const WEIGHTS = fixture("tokens/float.safetensors");
const CONFIG_HASH = createHash("sha1").update(`blob ${CONFIG.length}\0`).update(CONFIG).digest("hex");
export const WEIGHTS_HASH = createHash("sha256").update(WEIGHTS).digest("hex");

/** A response, any part of which may be damaged. */
interface Answer {
  status?: unknown;
  headers?: unknown;
  /** JSON, or bytes as a text of one character each. */
  body?: unknown;
  /** `"cut"`: the connection breaks after the body; `"stall"`: it stays open, but nothing more arrives. */
  end?: unknown;
}

/** Clients accept no more. */
const MOST_HEADERS = 50;

/** Responses by the kind of request. */
export type Answers = Record<string, Answer>;

/** The kind of request for each URL. */
const ROUTES: readonly (readonly [pattern: RegExp, answer: string])[] = [
  [/hub\.example\/api\/models\/[^/]+\/[^/]+\/revision\//, "revision"],
  [/hub\.example\/api\/models\/[^/]+\/[^/]+\/tree\//, "list"],
  [/hub\.example\/api\/models\/[^/]+\/[^/]+\/xet-read-token\//, "xetToken"],
  [/hub\.example\/.*config\.json/, "config"],
  [/hub\.example\/api\/repos\/create/, "create"],
  [/hub\.example\/api\/.*\/preupload\//, "preupload"],
  [/hub\.example\/.*\/info\/lfs\/objects\/batch/, "batch"],
  [/hub\.example\/api\/.*\/commit\//, "commit"],
  [/hub\.example\//, "weights"],
  [/storage\.example\/v\d\/reconstructions/, "reconstruction"],
  [/storage\.example\/xorb/, "xorb"],
  [/storage\.example\//, "storage"],
];

/** A Hub with the weights in separate storage. */
export function plainAnswers(): Answers {
  const type = { "content-type": "application/json" };
  const weights = { oid: "0".repeat(40), size: WEIGHTS.length, path: "diffusion_pytorch_model.safetensors" };
  return {
    revision: { status: 200, headers: type, body: { _id: "1", id: "owner/name", sha: COMMIT } },
    list: {
      status: 200,
      headers: { ...type, link: "" },
      body: [
        { type: "directory", oid: "0".repeat(40), size: 0, path: "folder" },
        { type: "file", oid: CONFIG_HASH, size: CONFIG.length, path: "config.json" },
        { type: "file", ...weights, lfs: { oid: WEIGHTS_HASH, size: WEIGHTS.length, pointerSize: 134 } },
      ],
    },
    config: { status: 200, headers: { etag: `"${CONFIG_HASH}"`, "retry-after": "" }, body: textOf(CONFIG), end: "" },
    weights: {
      status: 302,
      headers: {
        location: `${STORAGE}/weights?Signature=1234`,
        "x-linked-etag": `"${WEIGHTS_HASH}"`,
        "x-linked-size": `${WEIGHTS.length}`,
        "x-error-code": "",
      },
      body: "",
    },
    storage: { status: 200, headers: { "content-length": `${WEIGHTS.length}` }, body: textOf(WEIGHTS), end: "" },
  };
}

/** A Hub with the weights in Xet storage. */
export function xetAnswers(): Answers {
  const answers = plainAnswers();
  const files = answers.list.body as Record<string, unknown>[];
  files[2].xetHash = WEIGHTS_HASH;
  const links = [
    `<${HUB}/api/models/owner/name/xet-read-token/${COMMIT}>; rel="xet-auth"`,
    `<${STORAGE}/v1/reconstructions/${WEIGHTS_HASH}>; rel="xet-reconstruction-info"`,
  ];
  const { headers } = answers.weights;
  const length = String.fromCharCode(WEIGHTS.length & 255, WEIGHTS.length >> 8, 0);
  const chunks = { start: 0, end: 1 };
  return {
    ...answers,
    weights: {
      status: 200,
      headers: {
        ...headers as object,
        location: "",
        "content-type": "application/vnd.xet-fileinfo+json",
        "x-xet-hash": WEIGHTS_HASH,
        link: links.join(", "),
      },
      body: {},
    },
    xetToken: { status: 200, headers: {}, body: { casUrl: STORAGE, accessToken: "xet", exp: 4_000_000_000 } },
    reconstruction: {
      status: 200,
      headers: {},
      body: {
        offset_into_first_range: 0,
        terms: [{ hash: WEIGHTS_HASH, unpacked_length: WEIGHTS.length, range: chunks }],
        xorbs: {
          [WEIGHTS_HASH]: [{
            url: `${STORAGE}/xorb`,
            ranges: [{ chunks, bytes: { start: 0, end: WEIGHTS.length + 7 } }],
          }],
        },
      },
    },
    xorb: { status: 206, headers: {}, body: `\0${length}\0${length}${textOf(WEIGHTS)}`, end: "" },
  };
}

/** A Hub to push to. */
export function pushAnswers(): Answers {
  const headers = { "content-type": "application/json" };
  const upload = { href: `${STORAGE}/upload?Signature=1234` };
  const places = { "config.json": "regular", "diffusion_pytorch_model.safetensors": "lfs" };
  const files = Object.entries(places).map(([path, uploadMode]) => ({ path, uploadMode }));
  const objects = [{ oid: WEIGHTS_HASH, size: WEIGHTS.length, actions: { upload } }];
  const commit = { commitOid: COMMIT, commitUrl: `${HUB}/owner/name/commit/${COMMIT}`, hookOutput: "" };
  return {
    create: { status: 200, headers, body: { url: `${HUB}/owner/name`, id: "1" } },
    preupload: { status: 200, headers, body: { files } },
    batch: { status: 200, headers, body: { transfer: "basic", objects } },
    storage: { status: 200, headers: { etag: "1" }, body: "", end: "" },
    commit: { status: 200, headers, body: { ...commit, pullRequestUrl: `${HUB}/owner/name/discussions/1` } },
  };
}

/** The response to a request; rejects if there is none. */
export function answerTo(answers: unknown, address: string, init: RequestInit = {}): Response {
  const name = ROUTES.find(([pattern]) => pattern.test(address))?.[1];
  const answer: Answer | undefined = Object(answers)[name ?? ""];
  if (typeof answer !== "object" || answer === null) throw new TypeError("fetch failed");
  const status = typeof answer.status === "number" ? answer.status : 500;
  const isPossible = Number.isInteger(status) && status >= 200 && status < 600;
  const isEmpty = init.method === "HEAD" || [204, 205, 304].includes(status);
  const headers = new Headers();
  for (const [key, value] of Object.entries(Object(answer.headers)).slice(0, MOST_HEADERS)) {
    try {
      if (value !== "") headers.set(key, String(value));
    } catch {
      // No server can send this.
    }
  }
  return new Response(isEmpty ? null : bodyOf(answer, init), { status: isPossible ? status : 500, headers });
}

function bodyOf({ body, end }: Answer, { signal }: RequestInit): ReadableStream<Bytes> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytesOf(body));
      if (end === "cut") controller.error(new TypeError("the connection was reset"));
      else if (end !== "stall") controller.close();
      else signal?.addEventListener("abort", () => controller.error(signal.reason));
    },
  });
}

function bytesOf(body: unknown): Bytes {
  if (typeof body === "string") return latin1(body);
  try {
    return new TextEncoder().encode(JSON.stringify(body));
  } catch {
    return latin1("[".repeat(100_000)); // as deep as this was
  }
}
