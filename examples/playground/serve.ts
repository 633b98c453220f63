// deno-lint-ignore-file no-console
/**
 * Builds the playground and serves it to this machine.
 *
 *     deno task playground [--port=8000] [--build-only]
 *
 * The folder `dist` can be put on any web server. Where that cannot send the headers below, a service worker adds them.
 */

import { buildSite } from "./build.ts";

const SITE = new URL("dist/", import.meta.url);

/** Isolate the page from other sites, which browsers ask for before they share memory among threads. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-cache",
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
};

/** Responds with the file at the path of a URL, from which `..` is gone unless it is encoded. */
async function serveFile(path: string): Promise<Response> {
  const place = new URL(`.${path}${path.endsWith("/") ? "index.html" : ""}`, SITE);
  const isPlain = /^[\w./-]+$/.test(path);
  const bytes = isPlain ? await Deno.readFile(place).catch(() => undefined) : undefined;
  if (!bytes) return new Response("Not found", { status: 404, headers: HEADERS });
  const type = TYPES[place.pathname.split(".").at(-1)!] ?? "application/octet-stream";
  return new Response(bytes, { headers: { ...HEADERS, "content-type": type } });
}

const flags = Deno.args.filter((arg) => arg.startsWith("--import-map="));
const port = Number(Deno.args.find((arg) => arg.startsWith("--port="))?.slice("--port=".length) ?? 8000);
await buildSite(SITE, flags);
if (Deno.args.includes("--build-only")) {
  console.log(`The playground is in ${SITE.pathname}`);
} else {
  const onListen = ({ port }: Deno.NetAddr) => console.log(`The playground is at http://127.0.0.1:${port}/`);
  Deno.serve({ port, hostname: "127.0.0.1", onListen }, ({ url }) => serveFile(new URL(url).pathname));
}
