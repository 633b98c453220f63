/** Every golden in Chromium, with the built package: the tokens are Diffusers', and the CPU engine's bits are Deno's. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Tensor, VQModel } from "../../../mod.ts";
import { modelGoldens } from "../../model/models.ts";
import { testOn } from "../../support/engines.ts";
import { assertSameCodes } from "../../support/golden.ts";
import { type Browser, ISOLATION, startChromium } from "../chromium.ts";
import { type Answer, type Case, caseOf, type Place, POLICY, type Results, withModelPage } from "./requests.ts";
import { resultsOf } from "./results.js";

const CASES = modelGoldens().map(caseOf);

/** Computes all goldens at each place in a page. */
async function computeAll(
  browser: Browser,
  headers: Readonly<Record<string, string>>,
  places: readonly Place[],
  check: (answer: Answer, place: Place, golden: Case) => void,
  goldens = CASES,
): Promise<void> {
  await withModelPage(headers, async (page) => {
    for (const place of places) {
      for (const golden of goldens) {
        const answer = await page.evaluate((request) => globalThis.compute(request), { ...golden.request, ...place });
        const { data } = golden.golden.integers("indices");
        const what = `${golden.name} ${JSON.stringify(place)}`;
        assertSameCodes(answer.tokens, data, golden.golden.tensor("margin").data, what);
        check(answer, place, golden);
      }
    }
  }, { browser });
}

testOn("wasm", "the CPU engine computes in Chromium what it does in Deno, bit by bit", async (t) => {
  const expected = new Map<string, Results>();
  for (const { name, golden, request } of CASES) {
    const model = await VQModel.fromPretrained(golden.directory, { device: "wasm", threads: 1 });
    const { data, shape } = request.sample;
    expected.set(name, await resultsOf(model, new Tensor(Float32Array.from(data), shape)) as Results);
    model.dispose();
  }
  const browser = await startChromium();
  await t.step("in an isolated page with a content security policy, on one thread and on two", async () => {
    const places = [
      { device: "wasm", threads: 1, inWorker: false },
      { device: "wasm", threads: 2, inWorker: false },
      { device: "wasm", threads: 2, inWorker: true },
    ] as const;
    await computeAll(browser, { ...ISOLATION, ...POLICY }, places, (answer, { threads }, { name }) => {
      assertEquals(answer, { ...expected.get(name)!, device: "wasm", threads: threads!, fallbacks: [] });
    });
  });
  await t.step("in a page that is not isolated, on one thread", async () => {
    const places = [false, true].map((inWorker) => ({ device: "wasm" as const, threads: 2, inWorker }));
    await computeAll(browser, POLICY, places, ({ fallbacks, ...answer }, _, { name }) => {
      assertEquals(answer, { ...expected.get(name)!, device: "wasm", threads: 1 });
      assertEquals(fallbacks.length, 1);
      assertStringIncludes(fallbacks[0], "Cross-Origin-Opener-Policy");
    });
  });
  await t.step("in a worker, until it is terminated", async () => {
    await withModelPage(POLICY, async (page) => {
      const request = { ...CASES[0].request, device: "wasm", threads: 1 } as const;
      const error = await page.evaluate((request) => globalThis.endWorker(request), request);
      assertStringIncludes(error, "DeviceError: The worker of the model ended unexpectedly");
    }, { browser });
  });
  await browser.close();
});

/** What the worker computes, on a device of its own: compiling kernels takes SwiftShader seconds. */
const ON_OWN_DEVICE = ["tiny-default"];

testOn("webgpu", "WebGPU computes the goldens' tokens in Chromium, in a window and in a worker", async () => {
  const browser = await startChromium();
  const check = ({ device, threads, fallbacks }: Answer) => {
    assertEquals([device, threads, fallbacks], ["webgpu", 1, []]);
  };
  await computeAll(browser, POLICY, [{ inWorker: false, device: "webgpu" }], check);
  const some = CASES.filter(({ name }) => ON_OWN_DEVICE.includes(name));
  await computeAll(browser, POLICY, [{ inWorker: true, device: "webgpu" }], check, some);
  await browser.close();
});

testOn("webgpu", "a device that is lost in a page is replaced, the second time by the CPU engine", async () => {
  const { golden, request } = caseOf("tiny-legacy");
  const results = await withModelPage({}, async (page) => {
    return await page.evaluate((request) => globalThis.loseDevice(request), { ...request, inWorker: false });
  });
  assertEquals(results.map(({ device, devices }) => [device, devices]), [["webgpu", 1], ["webgpu", 2], ["wasm", 2]]);
  for (const { tokens } of results) {
    assertSameCodes(tokens, golden.integers("indices").data, golden.tensor("margin").data, "tokens");
  }
});
