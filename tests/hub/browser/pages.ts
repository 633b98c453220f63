/** Pages that load models from a fake Hub, in Chromium. */
import { assertEquals } from "@std/assert";
import {
  type Browser,
  bundleTo,
  filesOf,
  ISOLATION,
  type Page,
  startChromium,
  withPage,
} from "../../browser/chromium.ts";
import { makeFolder } from "../../support/folders.ts";
import { modelFiles, REPO } from "../hub_fixture.ts";
import { FakeHub, type HubFile } from "../server.ts";
import type { Calls, Loaded, PageLoad } from "./page.ts";

let browser: Browser;
let folder: string;

/** Bundles the page, and starts the browser. */
export async function startPages(): Promise<void> {
  folder = await makeFolder();
  await bundleTo(folder, "tests/hub/browser/page.ts");
  browser = await startChromium();
}

/** Ends the browser. */
export async function stopPages(): Promise<void> {
  await browser.close();
  await Deno.remove(folder, { recursive: true });
}

/** A page, and the Hub that it loads from. */
export interface HubPage {
  readonly hub: FakeHub;
  readonly page: Page;
  /** Calls a function of `page.ts`. */
  call<Name extends keyof Calls>(name: Name, ...values: Parameters<Calls[Name]>): ReturnType<Calls[Name]>;
  /** Loads the model from the Hub. */
  load(options?: PageLoad): Promise<Loaded>;
  /** The same, which must succeed. */
  mustLoad(options?: PageLoad): Promise<Loaded>;
  /** Another page of the same site. */
  another(): Promise<HubPage>;
}

/** How to open the page. */
export interface HubPageOptions {
  readonly files?: Record<string, HubFile>;
  /** Whether the page is isolated from other origins. */
  readonly isolated?: boolean;
  /** Whether a module worker makes the calls. */
  readonly inWorker?: boolean;
  /** Runs in the page before its script. */
  readonly before?: string;
}

/** Chromium logs each request that fails. */
const MAY_LOG = /^(Failed to load resource|Access to fetch at .* has been blocked by CORS policy)/;

/** Opens a page with empty storage, and a Hub with a model. */
export async function inHubPage(
  use: (page: HubPage) => Promise<void>,
  { files = modelFiles(), isolated = true, inWorker = false, before = "" }: HubPageOptions = {},
): Promise<void> {
  await using hub = new FakeHub();
  hub.add(REPO, files);
  const handler = filesOf(folder, isolated ? ISOLATION : {});

  async function control(page: Page): Promise<HubPage> {
    if (before) {
      await page.evaluateOnNewDocument(before);
      await page.reload();
    }
    await page.waitForFunction("globalThis.call");
    const call = async (name: string, ...values: unknown[]) => {
      return await page.evaluate(`call(${JSON.stringify({ name, values })}, ${inWorker})`);
    };
    const load = (options: PageLoad = {}) => {
      return call("load", REPO, { hubUrl: hub.url, timeout: 2000, ...options }) as Promise<Loaded>;
    };
    return {
      ...{ hub, page, load },
      call: call as HubPage["call"],
      async mustLoad(options) {
        const loaded = await load(options);
        assertEquals(loaded.error, undefined);
        return loaded;
      },
      async another() {
        const other = await page.browserContext().newPage();
        await other.goto(page.url());
        return await control(other);
      },
    };
  }

  await withPage(handler, "/page.html", async (page) => await use(await control(page)), { browser, mayLog: MAY_LOG });
}
