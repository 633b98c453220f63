/** Models of the Hub in a browser: what goes wrong on the way, and in its storage. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { modelFiles, REPO, WEIGHTS } from "../hub_fixture.ts";
import type { FakeResponse, Received } from "../server.ts";
import { type HubPage, inHubPage, startPages, stopPages } from "./pages.ts";

Deno.test.beforeAll(startPages);
Deno.test.afterAll(stopPages);

/** Changes the responses of the storage to other requests than preflights, the first one with the first fault and so on. */
function faults({ hub }: HubPage, ...list: Partial<FakeResponse>[]): void {
  hub.fault = ({ server, method }) => server === "storage" && method === "GET" ? list.shift() : undefined;
}

/** What the page has stored, in bytes. */
async function bytesStored({ call }: HubPage): Promise<number> {
  return (await call("list"))[0]?.bytes ?? 0;
}

Deno.test("servers that fail, and connections that break, are tried again", async () => {
  await inHubPage(async (place) => {
    const { hub, mustLoad, call } = place;
    const failing: Record<string, [part: string, fault: Partial<FakeResponse>]> = {
      "too many requests": ["/revision/", { status: 429, headers: { "retry-after": "0" } }],
      "a bad gateway": ["/tree/", { status: 502 }],
      "a truncated list": ["/tree/", { cutAfter: 10 }],
      "no response": ["/revision/", { status: 200, cutAfter: 0, headers: { "content-length": "10" } }],
    };
    for (const [what, [part, fault]] of Object.entries(failing)) {
      let failures = 0;
      hub.fault = ({ path, method }: Received) => {
        return path.includes(part) && method === "GET" && ++failures === 1 ? fault : undefined;
      };
      await mustLoad();
      assert(failures > 1, what);
    }
    await call("remove", REPO);
    hub.received.length = 0;
    faults(place, { cutAfter: 100_003 }, { status: 503 }, { cutAfter: 50_000 });
    await mustLoad();
    assertEquals(hub.received.filter(({ server }) => server === "storage").length, 4);
  });
});

Deno.test("a server that ignores ranges, and one whose range the page cannot see, are supported", async () => {
  await inHubPage(async (place) => {
    faults(place, { cutAfter: 1000 }, { status: 200, headers: {}, body: WEIGHTS });
    await place.mustLoad();
    await place.call("remove", REPO);
    faults(place, { cutAfter: 100_000 });
    const { fault } = place.hub;
    place.hub.fault = (request) => {
      const expose = { "access-control-expose-headers": "", "content-range": "bytes 0-1/2" };
      const isRest = request.server === "storage" && request.headers.has("range");
      return isRest ? { headers: expose } : fault(request);
    };
    await place.mustLoad();
  });
});

Deno.test("wrong bytes are an error, and are not stored", async () => {
  await inHubPage(async (place) => {
    const wrong = WEIGHTS.slice();
    wrong[5000] ^= 1;
    faults(place, { body: wrong });
    assertStringIncludes(
      (await place.load()).error!,
      "HubError: Cannot use diffusion_pytorch_model.safetensors of owner",
    );
    assert(await bytesStored(place) < 1000);
    faults(place, { body: WEIGHTS.subarray(0, 1000) }, { status: 416 });
    assertStringIncludes((await place.load()).error!, `expected ${WEIGHTS.length} bytes, the server has`);
    await place.mustLoad();
  });
});

Deno.test("bytes whose hash was not checked, because loading was aborted at their end, are not taken for right", async () => {
  await inHubPage(async (place) => {
    faults(place, { body: WEIGHTS.slice().fill(7, 1000, 2000) });
    assertStringIncludes((await place.load({ abortAt: WEIGHTS.length })).error!, "enough");
    const { sum } = await place.mustLoad();
    await place.call("remove", REPO);
    assertEquals((await place.mustLoad()).sum, sum);
  });
});

Deno.test("a Hub that no page of another site may read is an error that says so, with isolation or without", async () => {
  for (const isolated of [false, true]) {
    await inHubPage(async ({ hub, load }) => {
      // The storage is tried longer, unless it is certain that it is there.
      for (const server of isolated ? ["hub"] as const : ["hub", "storage"] as const) {
        hub.withoutCors.clear();
        hub.withoutCors.add(server);
        const { error } = await load();
        assertStringIncludes(error!, `${server === "hub" ? hub.url : ""}`);
        assertStringIncludes(error!, "it must allow that with the header Access-Control-Allow-Origin (CORS)");
        assertMatch(
          error!,
          isolated ? /there is no network, or it lets no page/ : /cannot be reached; it lets no page of/,
        );
      }
    }, { isolated });
  }
});

Deno.test("the token is sent to the Hub alone", async () => {
  await inHubPage(async ({ hub, mustLoad }) => {
    hub.repos[REPO].privateTo = "hf_good";
    await mustLoad({ token: "hf_good" });
    const requests = hub.received.filter(({ method, server }) => method === "GET" || server === "storage");
    assert(requests.some(({ server }) => server === "storage"));
    for (const { server, method, headers } of requests) {
      assertEquals([method, headers.get("authorization")], ["GET", server === "hub" ? "Bearer hf_good" : null]);
    }
  });
});

Deno.test("error responses of the Hub are explained as elsewhere", async () => {
  await inHubPage(async ({ hub, load }) => {
    assertStringIncludes((await load({ revision: "v2" })).error!, 'it has no branch, tag or commit "v2"');
    hub.repos[REPO].gatedTo = "hf_good";
    assertStringIncludes((await load()).error!, "it is gated. Accept its licence at");
  });
});

Deno.test("without a network, what is not stored is an error that says both", async () => {
  await inHubPage(async ({ page, load, mustLoad }) => {
    assertStringIncludes((await load({ localFilesOnly: true })).error!, 'holds nothing of revision "main"');
    await page.setOfflineMode(true);
    assertStringIncludes((await load()).error!, "a part of this library cannot be loaded");
    await page.setOfflineMode(false);
    assertStringIncludes((await load({ revision: "v2" })).error!, "no branch, tag or commit");
    await page.setOfflineMode(true);
    const { error } = await load();
    assertStringIncludes(error!, "cannot be reached; there is no network");
    assertStringIncludes(
      error!,
      'vqmodel/models--owner--name holds nothing of revision "main". Load it once with network',
    );
    await page.setOfflineMode(false);
    const { sum } = await mustLoad();
    await page.setOfflineMode(true);
    assertEquals(await mustLoad(), { ...await mustLoad(), sum, statuses: ["offline"] });
  });
});

Deno.test("what the browser does not store is kept in memory, and progress says why", async () => {
  await inHubPage(async (place) => {
    const { page, mustLoad } = place;
    const session = await page.createCDPSession();
    const limit = async (quotaSize?: number) => {
      const { origin } = new URL(page.url());
      await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
    };
    await limit(100_000);
    const { statuses, reasons } = await mustLoad();
    assertEquals(statuses.slice(-4), ["uncached", "download", "progress", "done"]);
    assertMatch(reasons[0], /quota/);
    assert(await bytesStored(place) < 1000);
    await limit();
    assert(!(await mustLoad()).statuses.includes("uncached"));
    assertEquals(await bytesStored(place), WEIGHTS.length + modelFiles()["config.json"].bytes.length);
  });
});

const WITHOUT = {
  "a browser that has little space left":
    "navigator.storage.estimate = () => Promise.resolve({ quota: 1000, usage: 990 })",
  "a browser that has no file system": "delete Object.getPrototypeOf(navigator.storage).getDirectory",
  "a private window whose file system is refused":
    "navigator.storage.getDirectory = () => Promise.reject(new DOMException('refused', 'SecurityError'))",
  "a browser whose pages cannot write": "delete FileSystemFileHandle.prototype.createWritable",
  "a browser that claims more space than it has":
    "navigator.storage.estimate = () => Promise.resolve({ quota: 1e9, usage: 0 });" +
    "FileSystemWritableFileStream.prototype.write = () => Promise.reject(new DOMException('full', 'QuotaExceededError'))",
};

for (const [what, before] of Object.entries(WITHOUT)) {
  Deno.test(`in ${what}, models are loaded into memory`, async () => {
    await inHubPage(async (place) => {
      for (let i = 0; i < 2; i++) assert((await place.mustLoad()).statuses.includes("uncached"));
      assertEquals(await bytesStored(place), 0);
      assertStringIncludes(`${await place.call("remove", "owner/other")}`, "Cannot find owner/other in the cache");
    }, { before });
  });
}

Deno.test("storage that fails is an error that says so, and does not prevent a later load", async () => {
  const before = "{ const { write } = FileSystemWritableFileStream.prototype; let failures = 0;" +
    "FileSystemWritableFileStream.prototype.write = function (content) {" +
    "return ++failures === 1 ? Promise.reject(new DOMException('bad disk', 'UnknownError')) : write.call(this, content) } }";
  await inHubPage(async ({ load, mustLoad, call }) => {
    assertStringIncludes((await load()).error!, "HubError: Cannot write to vqmodel/models--owner--name: bad disk");
    await mustLoad();
    assertEquals(await call("verify", REPO), []);
  }, { before });
});

Deno.test("files of other web servers are read, also where the page sees few headers", async () => {
  await inHubPage(async ({ hub, call }) => {
    const url = `${hub.url}/${REPO}/resolve/main/diffusion_pytorch_model.safetensors`;
    const redirect = { status: 302, headers: { location: url } };
    for (const expose of ["content-range", ""]) {
      hub.fault = ({ path, server }) => {
        if (path === "/weights.safetensors") return redirect;
        if (server !== "storage") return undefined;
        return { headers: { "access-control-expose-headers": expose, "content-range": rangeOf(hub.received.at(-1)!) } };
      };
      assertEquals(await call("tensorsAt", `${hub.url}/weights.safetensors`), ["a"]);
    }
  });
});

/** What the storage responds to a request for a range; nothing to others. */
function rangeOf({ headers }: Received): string {
  const [, begin, end = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
  if (begin === undefined) return "";
  return `bytes ${begin}-${
    end === "" ? WEIGHTS.length - 1 : Math.min(Number(end), WEIGHTS.length - 1)
  }/${WEIGHTS.length}`;
}
