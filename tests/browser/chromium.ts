/**
 * Pages in a real Chromium, which is driven over its DevTools protocol.
 *
 * ```ts ignore
 * await bundleTo(folder, "tests/…/page.ts"); // writes page.js, which may set globals such as `run`
 * await withPage(filesOf(folder, ISOLATION), "/page.html", async (page) => {
 *   await page.waitForFunction("globalThis.run");
 *   assertEquals(await page.evaluate(() => globalThis.run(1)), 2);
 * });
 * ```
 */
import { assert, assertEquals } from "@std/assert";
import { basename } from "@std/path";
// @ts-types="./puppeteer.d.ts"
import puppeteer, { type Browser, type Page, type Viewport } from "npm:puppeteer-core@25.16.0";
import { findBrowser } from "../../tools/setup/browser.ts";
import { repository } from "../support/paths.ts";
import { IMPORT_MAP, printedBy, start, startDeno } from "../support/processes.ts";
export type { Browser, Page };

/** Chromium's WebGPU computes on its software adapter, SwiftShader. */
const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Headers that isolate a page from other origins, so that it has shared memory, and with it threads. */
export const ISOLATION: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
};

/** How {@linkcode withPage} opens a page. */
export interface PageOptions {
  /** A browser of {@linkcode startChromium} to open the page in, with storage of its own. By default a new browser. */
  readonly browser?: Browser;
  /** The errors that the page may log, such as those of requests that fail on purpose. By default none. */
  readonly mayLog?: RegExp;
  /** Size of the window. */
  readonly viewport?: Viewport;
  /** The folder for what the page saves. */
  readonly downloads?: string;
}

/** Starts Chromium without a window. Close it in the end. */
export async function startChromium(flags: readonly string[] = []): Promise<Browser> {
  const name = await findBrowser();
  assert(name, "found no browser; deno run -A tools/setup/setup_browser.ts installs one, or says how");
  const executablePath = name.startsWith("/") ? name : (await printedBy(start("which", [name]))).trim();
  return await puppeteer.launch({ executablePath, args: [...FLAGS, ...flags] });
}

/**
 * Serves files on this machine, opens a page of them, and closes it after `use`. Fails if the page logged an error, or did
 * not catch one.
 *
 * @param path of the page, such as `/index.html`
 */
export async function withPage<T>(
  handler: Deno.ServeHandler,
  path: string,
  use: (page: Page, origin: string) => Promise<T>,
  options: PageOptions = {},
): Promise<T> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  const browser = options.browser ?? await startChromium();
  try {
    const origin = `http://127.0.0.1:${server.addr.port}`;
    return await inContext(browser, options, (page) => checkPage(page, origin, path, use, options));
  } finally {
    if (!options.browser) await browser.close();
    await server.shutdown();
  }
}

async function inContext<T>(
  browser: Browser,
  { viewport, downloads }: PageOptions,
  use: (page: Page) => Promise<T>,
): Promise<T> {
  const downloadBehavior = downloads === undefined ? undefined : { policy: "allow" as const, downloadPath: downloads };
  const context = await browser.createBrowserContext({ downloadBehavior });
  try {
    const page = await context.newPage();
    if (viewport) await page.setViewport(viewport);
    return await use(page);
  } finally {
    await context.close();
  }
}

async function checkPage<T>(
  page: Page,
  origin: string,
  path: string,
  use: (page: Page, origin: string) => Promise<T>,
  { mayLog }: PageOptions,
): Promise<T> {
  const errors: string[] = [];
  const add = (text: string) => mayLog?.test(text) || errors.push(text);
  page.on("console", (message) => message.type() === "error" && add(message.text()));
  page.on("pageerror", (error) => add(String(error)));
  await page.goto(origin + path);
  const result = await use(page, origin).catch((cause) => {
    assertEquals(errors, [], String(cause)); // which may be the cause
    throw cause;
  });
  assertEquals(errors, []);
  return result;
}

/**
 * Answers requests with the files of a folder, and those below `/repository/` with the checkout's, but `mod.ts` there with
 * the folder's `mod.js`, the built package. Beside each script `NAME.js` there is a page `NAME.html` that loads it.
 *
 * @param headers of all responses: {@linkcode ISOLATION}, or a content security policy
 */
export function filesOf(folder: string, headers: Readonly<Record<string, string>> = {}): Deno.ServeHandler {
  return async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    if (path === "/favicon.ico") return new Response(null, { status: 204 });
    if (path === "/repository/mod.ts") return Response.redirect(new URL("/mod.js", request.url));
    const place = path.startsWith("/repository/") ? repository(path.slice("/repository/".length)) : folder + path;
    const content = await Deno.readFile(place).catch(() => pageOf(place));
    const type = TYPES[place.split(".").at(-1)!] ?? "application/octet-stream";
    return new Response(content, { status: content ? 200 : 404, headers: { "content-type": type, ...headers } });
  };
}

/** A page that loads the script of its name; `undefined` if there is none. */
async function pageOf(place: string): Promise<string | undefined> {
  const script = place.replace(/html$/, "js");
  const isThere = script !== place && await Deno.stat(script).then(() => true, () => false);
  return isThere ? `<!doctype html><script type="module" src="./${basename(script)}"></script>` : undefined;
}

/** Bundles modules of the checkout for browsers: `PATH/NAME.ts` becomes `NAME.js` in the folder. */
export async function bundleTo(folder: string, ...modules: readonly string[]): Promise<void> {
  const flags = ["bundle", "--quiet", IMPORT_MAP, "--platform=browser", "--code-splitting", `--outdir=${folder}`];
  await printedBy(startDeno([...flags, ...modules.map(repository)]));
}
