/// <reference lib="dom" />
/**
 * The playground in a real browser, and what a person does there.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { buildSite } from "../../../examples/playground/build.ts";
import {
  type Browser,
  filesOf,
  ISOLATION,
  type Page,
  type PageOptions,
  startChromium,
  withPage,
} from "../../browser/chromium.ts";
import { withFolder } from "../../support/folders.ts";
import { IMPORT_MAP } from "../../support/processes.ts";

/** A link to the small sample picture, with which tests are fast. */
export const SMALL = "#model=leaves-f4&picture=still-life&side=128";

/** How to open the page. */
export interface OpenOptions {
  /** Headers of the server. Default {@linkcode ISOLATION}. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The folder of the site on the server. */
  readonly folder?: string;
  /** The address after the page's. Default {@linkcode SMALL}. */
  readonly fragment?: string;
  readonly viewport?: PageOptions["viewport"];
}

/** A page that is open. */
export interface Playground {
  readonly page: Page;
  /** Waits until everything is loaded and computed. */
  ready(): Promise<void>;
  /** Saves the picture. */
  savePicture(): Promise<Uint8Array<ArrayBuffer>>;
  /** Saves the tokens as JSON. */
  saveTokens(): Promise<{ shape: number[]; indices: number[] }>;
  /** Drops files of the checkout on the page, under other names. */
  drop(files: Readonly<Record<string, string>>): Promise<void>;
  /** What the report says under a name. */
  report(name: string): Promise<string>;
  /** Clicks a button. */
  click(id: string): Promise<void>;
}

/** A camera that shows a moving pattern, which pages may use without asking. */
const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

let browser: Browser;
let site: string;

/** Builds the site, and starts the browser. */
export async function startBrowser(): Promise<void> {
  site = await Deno.makeTempDir();
  await buildSite(toFileUrl(`${site}/`), [IMPORT_MAP]);
  browser = await startChromium(CAMERA);
}

/** Ends the browser, and removes the site. */
export async function stopBrowser(): Promise<void> {
  await browser.close();
  await Deno.remove(site, { recursive: true });
}

/** Opens the page, and waits until it is ready. The address `moved` in its folder redirects to it. */
export async function inPlayground(
  use: (playground: Playground) => Promise<void>,
  { headers = ISOLATION, folder = "/", fragment = SMALL, viewport = { width: 1280, height: 900 } }: OpenOptions = {},
): Promise<void> {
  const answer = filesOf(site, headers);
  const handler: Deno.ServeHandler = ({ url }, info) => {
    const { pathname, origin } = new URL(url);
    if (!pathname.startsWith(folder)) return new Response("Not found", { status: 404 });
    if (pathname === `${folder}moved`) return Response.redirect(`${origin}${folder}index.html${fragment}`);
    return answer(new Request(`${origin}/${pathname.slice(folder.length)}`), info);
  };
  await withFolder(async (downloads) => {
    await withPage(handler, `${folder}index.html${fragment}`, async (page) => {
      const playground = control(page, downloads);
      await playground.ready();
      await use(playground);
    }, { browser, viewport, downloads });
  });
}

function control(page: Page, downloads: string): Playground {
  const click = (id: string) => page.$eval(`#${id}`, (button) => (button as HTMLElement).click());

  /** The file that an action saves. */
  async function saved(action: () => Promise<unknown>): Promise<Uint8Array<ArrayBuffer>> {
    await action();
    for (let attempt = 0; attempt < 200; attempt++) {
      const name = namesIn(downloads).find((name) => !name.endsWith(".crdownload"));
      if (name) {
        const bytes = await Deno.readFile(join(downloads, name));
        await Deno.remove(join(downloads, name)); // the next one has the same name
        return bytes;
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error("nothing was saved");
  }

  return {
    page,
    click,
    async ready() {
      await page.waitForFunction(() => {
        const error = document.querySelector("#error-text")?.textContent;
        const report = document.querySelector("#report")?.textContent ?? "";
        return error || document.querySelector("main")?.ariaBusy === "false" && report.includes("Memory");
      }, { timeout: 60_000 });
      assertEquals(await page.$eval("#error-text", (text) => text.textContent), "");
    },
    savePicture: () => saved(() => click("save-picture")),
    async saveTokens() {
      return JSON.parse(new TextDecoder().decode(await saved(() => page.select("#save-tokens", "json"))));
    },
    async drop(files) {
      await page.evaluate(async (files) => {
        const dataTransfer = new DataTransfer();
        for (const [name, path] of Object.entries(files)) {
          const response = await fetch(`/repository/${path}`);
          dataTransfer.items.add(new File([await response.blob()], name));
        }
        document.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
      }, files);
      await page.evaluate(() => new Promise(requestAnimationFrame));
    },
    report: (name) =>
      page.$$eval("#report dt", (terms, name) => {
        return terms.find((term) => term.textContent === name)?.nextElementSibling?.textContent ?? "";
      }, name),
  };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}
