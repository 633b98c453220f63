/** Models in a page: from the Hub, from the browser's storage, and from files that a person chose. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { FakeHub } from "../hub/server.ts";
import { withFolder } from "../support/folders.ts";
import { assertSameCodes, loadGolden } from "../support/golden.ts";
import { bundleTo, filesOf, ISOLATION, type Page, withPage } from "./chromium.ts";
import type { ModelCalls, Sample } from "./model_page.ts";

const { directory, integers, tensor } = loadGolden("tiny-sharded");
const NAMES = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name !== "io.safetensors");
const { data, shape } = tensor("sample");
const SAMPLE: Sample = { data: [...data], shape: [...shape] };
const DEVICE = { device: "wasm", threads: 1 } as const;

function assertGolden(tokens: number[]): void {
  assertSameCodes(tokens, integers("indices").data, tensor("margin").data, "tokens");
}

async function call<Name extends keyof ModelCalls>(page: Page, name: Name, ...values: Parameters<ModelCalls[Name]>) {
  const found = await page.evaluate(`calls.${name}(...${JSON.stringify(values)})`);
  return found as Awaited<ReturnType<ModelCalls[Name]>>;
}

Deno.test("a page computes with a model of the Hub, stores it, and with one of files that a person chose", async () => {
  await using hub = new FakeHub();
  const file = (name: string) => ({ bytes: Deno.readFileSync(join(directory, name)), lfs: !name.endsWith(".json") });
  hub.add("owner/name", Object.fromEntries(NAMES.map((name) => [name, file(name)])));
  await withFolder(async (folder) => {
    await bundleTo(folder, "tests/browser/model_page.ts");
    await withPage(filesOf(folder, ISOLATION), "/model_page.html", async (page) => {
      await page.waitForFunction("globalThis.calls");
      const options = { ...DEVICE, hubUrl: hub.url, token: "" };
      const first = await call(page, "fromHub", "owner/name", options, SAMPLE);
      assertGolden(first.tokens);
      assert(first.isDownloaded);
      assertEquals(await call(page, "fromHub", "owner/name", options, SAMPLE), { ...first, isDownloaded: false });

      const input = await page.$("input");
      await input!.uploadFile(...NAMES.map((name) => join(directory, name)));
      assertGolden(await call(page, "fromInput", DEVICE, SAMPLE));
    });
  });
});
