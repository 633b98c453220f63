import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { answerTo, assertRefused, MEMORY_LIMIT, peakOf, picture, SERVE, type Server, serving } from "./edge_server.ts";

const HEAD = "POST /tokens HTTP/1.1\r\nHost: x\r\n";

/** A connection that sends the beginning of a request, and more on demand. */
class Slow {
  readonly #connection: Deno.TcpConn;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** The beginning of the response; empty if the server closes the connection without one. */
  readonly answer: Promise<string>;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#writer = connection.writable.getWriter();
    const bytes = new Uint8Array(1000);
    this.answer = connection.read(bytes).catch(() => null)
      .then((size) => new TextDecoder().decode(bytes.subarray(0, size ?? 0)));
  }

  static async open(port: number, beginning: Uint8Array<ArrayBuffer>): Promise<Slow> {
    const slow = new Slow(await Deno.connect({ hostname: "127.0.0.1", port }));
    slow.send(beginning);
    return slow;
  }

  /** Sends, unless the connection is closed. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#writer.write(bytes).catch(() => {});
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // the server closed it
    }
  }
}

/** While `use` runs, `count` connections send a beginning, and then `rest` several times a second. */
async function besides(
  { port }: Server,
  { count, beginning, rest = "" }: { count: number; beginning: string; rest?: string },
  use: (slow: readonly Slow[]) => Promise<void>,
): Promise<void> {
  const [head, drop] = [beginning, rest].map((text) => new TextEncoder().encode(text));
  const slow = await Promise.all(Array.from({ length: count }, () => Slow.open(port, head)));
  const dripping = rest && setInterval(() => slow.forEach((connection) => connection.send(drop)), 200);
  try {
    await new Promise((resolve) => setTimeout(resolve, 300)); // all of them are there
    await use(slow);
  } finally {
    clearInterval(dripping || undefined);
    for (const connection of slow) connection[Symbol.dispose]();
  }
}

async function secondsOf(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return (performance.now() - start) / 1000;
}

/** Checks that small requests are answered within `limit` seconds. */
async function assertServes({ get, post }: Server, limit: number): Promise<void> {
  const seconds = await secondsOf(async () => {
    assertMatch(await (await get("/")).text(), /^<!DOCTYPE html>/);
    assertEquals((await (await post("/tokens", picture(32, 32).encode("png"))).json()).shape, [1, 8, 8]);
  });
  assertLess(seconds, limit);
}

Deno.test("slow bodies do not block other requests, and are dropped", async () => {
  await serving(async (server) => {
    const beginning = `${HEAD}Content-Length: 100000\r\n\r\n`;
    await besides(server, { count: 40, beginning, rest: "a" }, async (slow) => {
      await assertServes(server, 2);
      const seconds = await secondsOf(async () => {
        for (const { answer } of slow) assertMatch(await answer, /^HTTP\/1.1 408 .*less than 10000 bytes a second/s);
      });
      assertLess(seconds, 5);
    });
  });
});

for (const args of [undefined, SERVE]) {
  Deno.test(`a body in too many small pieces is refused, and does not block other requests (${args?.[0] ?? "run"})`, async () => {
    await serving(async (server) => {
      const beginning = `${HEAD}Transfer-Encoding: chunked\r\n\r\n${"1\r\na\r\n".repeat(300_000)}`;
      await besides(server, { count: 16, beginning }, async (slow) => {
        await assertServes(server, 10);
        for (const { answer } of slow) assertMatch(await answer, /^HTTP\/1.1 (400 .*too many small pieces|408 |415 )/s);
      });
      if (Deno.build.os === "linux") assertLess(await peakOf(server.pid), MEMORY_LIMIT);
    }, args);
  });
}

Deno.test("a head that is never complete does not block other requests, and is dropped", async () => {
  await serving(async (server) => {
    await besides(server, { count: 300, beginning: `${HEAD}X-`, rest: "a" }, async (slow) => {
      await assertServes(server, 2);
      const seconds = await secondsOf(() => Promise.all(slow.map(({ answer }) => answer)));
      assertLess(seconds, 8);
      await assertServes(server, 2);
    });
  });
});

Deno.test("the oldest of too many bodies are dropped, and memory stays below 512 MB", async () => {
  await serving(async (server) => {
    const beginning = `${HEAD}Content-Length: 2000000\r\n\r\n`;
    const largest = picture(768, 512).encode("png");
    await besides(server, { count: 100, beginning: beginning + "a".repeat(1_900_000) }, async (slow) => {
      const first = await slow[0].answer;
      assertMatch(first, /^HTTP\/1.1 (503 .*too many bodies|408)/s);
      await Promise.all([1, 2, 3].map(async () => {
        const response = await server.post("/tokens", largest);
        await response.text();
        assert([200, 503].includes(response.status));
      }));
      await assertServes(server, 5);
    });
    if (Deno.build.os === "linux") assertLess(await peakOf(server.pid), MEMORY_LIMIT);
  });
});

Deno.test("a response that is never read is dropped", async () => {
  await serving(async (server) => {
    const asks = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2_000);
    await besides(server, { count: 4, beginning: asks }, async () => {
      await assertServes(server, 5);
    });
    if (Deno.build.os === "linux") assertLess(await peakOf(server.pid), MEMORY_LIMIT);
  });
});

Deno.test("headers forbid guessing content types and showing responses in frames", async () => {
  await serving(async ({ get, post }) => {
    const answers = [await get("/"), await get("/nowhere"), await post("/tokens", picture(32, 32).encode("png"))];
    for (const { headers, body } of answers) {
      await body?.cancel();
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      assertStringIncludes(headers.get("content-security-policy")!, "frame-ancestors 'none'");
    }
  });
});

Deno.test("pages of other origins are refused, unless they are allowed", async () => {
  const png = picture(32, 32).encode("png");
  const elsewhere = { headers: { origin: "https://example.org" } };
  await serving(async ({ get, post, port }) => {
    for (const origin of ["https://example.org", "null", `http://127.0.0.1:${port + 1}`]) {
      await assertRefused(await post("/tokens", png, { headers: { origin } }), 403, `pages of ${origin} may not use`);
    }
    await assertRefused(await get("/tokens", { method: "OPTIONS", ...elsewhere }), 403);
    const own = await post("/tokens", png, { headers: { origin: `http://127.0.0.1:${port}` } });
    assertEquals([own.status, (await own.json()).shape], [200, [1, 8, 8]]);
    assertEquals((await (await get("/", elsewhere)).text()).slice(0, 15), "<!DOCTYPE html>");
    assertMatch(await answerTo(port, "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"), /^(HTTP\/1.1 40.|$)/);
  });
  await serving(async ({ get, post }) => {
    const preflight = await get("/tokens", { method: "OPTIONS", ...elsewhere });
    const answer = await post("/tokens", png, elsewhere);
    assertEquals([preflight.status, answer.status, (await answer.json()).shape], [204, 200, [1, 8, 8]]);
    for (const { headers } of [preflight, answer]) {
      assertEquals(headers.get("access-control-allow-origin"), "https://example.org");
    }
    await assertRefused(await post("/tokens", png, { headers: { origin: "https://example.com" } }), 403);
  }, [...SERVE, "--allow-origin=https://example.org"]);
});
