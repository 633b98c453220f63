/** Archives of servers that refuse, redirect, stall, break off, or replace them while they are read. */
import { assertEquals, assertRejects } from "@std/assert";
import { encodeTar, openSource } from "../../datasets/mod.ts";

const NAMES = Array.from({ length: 40 }, (_, i) => `${i}.jpg`);
const FILES = NAMES.map((name) => ({ name, bytes: new TextEncoder().encode(name.repeat(300)) }));
const ARCHIVE = await new Response(ReadableStream.from(encodeTar(ReadableStream.from(FILES)))).bytes();

/** The response to the request with a number, for bytes from an offset on; nothing for the right one. */
type Fault = (request: { number: number; from: number }) => Response | undefined;

const never = new ReadableStream<Uint8Array>({});

/** The archive from an offset on, as far as `bytes` goes. */
function part(from: number, bytes: BodyInit, { etag = '"1"' } = {}): Response {
  const range = `bytes ${from}-${ARCHIVE.length - 1}/${ARCHIVE.length}`;
  return new Response(bytes, { status: 206, headers: { etag, "content-range": range } });
}

/** The first bytes of a part, and then what `rest` does. */
function begun(from: number, rest: "stalls" | "breaks"): Response {
  const start = ReadableStream.from((async function* () {
    yield ARCHIVE.slice(from, from + 9000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (rest === "breaks") throw new Error("broken");
    for await (const chunk of never) yield chunk;
  })());
  return part(from, start);
}

/** Reads the archive from a Hub that answers so. Returns its keys. */
async function keysFrom(fault: Fault): Promise<string[]> {
  let number = 0;
  const controller = new AbortController();
  await using server = Deno.serve({ port: 0, onListen() {}, signal: controller.signal }, ({ headers }) => {
    const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
    const from = Number(start ?? 0);
    const response = fault({ number: number++, from });
    return response ?? part(from, ARCHIVE.slice(from, end ? Number(end) + 1 : undefined));
  });
  const access = { hubUrl: `http://localhost:${server.addr.port}`, token: "hf_good", timeout: 300 };
  const { shards: [shard] } = await openSource(["hf://datasets/me/mine/a.tar"], access);
  const keys: string[] = [];
  try {
    for await (const { key, bytes } of shard.open()) {
      assertEquals(new TextDecoder().decode(await bytes()), `${key}.jpg`.repeat(300));
      keys.push(key);
    }
  } finally {
    controller.abort();
  }
  return keys;
}

const ALL = NAMES.map((name) => name.replace(".jpg", ""));

Deno.test("archives are read on after refusals, stalls and connections that break", async () => {
  const busy = (status: number) => new Response(null, { status, headers: { "retry-after": "0" } });
  const faults: Record<string, Fault> = {
    "too many requests": ({ number }) => number < 3 ? busy(429) : undefined,
    "an error in the middle": ({ number, from }) =>
      number === 1 ? begun(from, "breaks") : number < 4 && number > 1 ? busy(503) : undefined,
    stall: ({ number, from }) => number === 1 ? begun(from, "stalls") : undefined,
    "parts that are short": ({ number, from }) => number > 0 ? part(from, ARCHIVE.slice(from, from + 9000)) : undefined,
  };
  for (const [name, fault] of Object.entries(faults)) assertEquals(await keysFrom(fault), ALL, name);
});

Deno.test("an archive that is replaced while it is read is an error, and its bytes are not mixed", async () => {
  const other = ARCHIVE.map((byte) => byte ^ 1);
  const replaced = (from: number) => part(from, other.slice(from), { etag: '"2"' });
  const resumed: Fault = ({ number, from }) =>
    number === 1 ? begun(from, "breaks") : number > 1 ? replaced(from) : undefined;
  await assertRejects(() => keysFrom(resumed), Error, "the server has another file there meanwhile");
  const shorter: Fault = ({ number, from }) => {
    if (number === 0) return undefined;
    return number === 1 ? begun(from, "breaks") : new Response("x", {
      status: 206,
      headers: { "content-range": `bytes ${from}-${from}/${from + 1}` },
    });
  };
  await assertRejects(() => keysFrom(shorter), Error, `expected ${ARCHIVE.length} bytes`);
});

Deno.test("servers that never answer, redirect in circles or send something else are errors", async () => {
  const circle: Fault = () => new Response(null, { status: 302, headers: { location: "/again" } });
  await assertRejects(() => keysFrom(circle), Error, "redirects too often");
  await assertRejects(() => keysFrom(() => new Response("<html>")), TypeError, "expected a header of 512 bytes");
});
