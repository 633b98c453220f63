/** What a content security policy has to allow. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Browser, ISOLATION, startChromium } from "../chromium.ts";
import { testOn } from "../../support/engines.ts";
import { type Answer, caseOf, POLICY, withModelPage } from "./requests.ts";

const { request } = caseOf("tiny-default");
const REFUSED = /Content Security Policy/;

/** Computes in an isolated page with a part of the policy replaced. */
async function computeWith(browser: Browser, allowed: string, instead: string): Promise<Answer> {
  const policy = POLICY["content-security-policy"].replace(allowed, instead);
  const headers = { ...ISOLATION, "content-security-policy": policy };
  const place = { device: "wasm", threads: 2, inWorker: false } as const;
  return await withModelPage(headers, async (page) => {
    return await page.evaluate((request) => globalThis.compute(request), { ...request, ...place });
  }, { browser, mayLog: REFUSED });
}

testOn("wasm", "a content security policy has to allow WebAssembly, and for threads workers from blobs", async () => {
  const browser = await startChromium();
  const { threads, fallbacks } = await computeWith(browser, "", "");
  assertEquals([threads, fallbacks], [2, []]);

  const alone = await computeWith(browser, " blob:", " data:");
  assertEquals([alone.threads, alone.fallbacks.length], [1, 1]);
  assertStringIncludes(alone.fallbacks[0], "a content security policy has to allow worker-src blob:");

  const { message } = await assertRejects(() => computeWith(browser, " 'wasm-unsafe-eval'", ""), Error);
  assert(/Cannot start the CPU engine.*Content Security Policy/s.test(message), message);
  await browser.close();
});
