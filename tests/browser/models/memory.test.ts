/** Memory of a page that computes again and again. */
import { assert, assertEquals } from "@std/assert";
import { ISOLATION, startChromium } from "../chromium.ts";
import { testOnEveryDevice } from "../../support/engines.ts";
import { caseOf, withModelPage } from "./requests.ts";

const { request } = caseOf("tiny-legacy");

/** Measures memory at once, instead of after some garbage collection to come. */
const FLAGS = ["--enable-blink-features=ForceEagerMeasureMemory"];

/** How long workers that were terminated may take to end. */
const ENDING_MS = 20_000;

testOnEveryDevice("memory of a page is stable over 50 rounds, and freed with its models", async (device) => {
  const browser = await startChromium(FLAGS);
  await withModelPage(ISOLATION, async (page) => {
    const repeat = (rounds: number, inWorker = false) =>
      page.evaluate((request) => globalThis.repeat(request), { ...request, device, threads: 2, inWorker, rounds });
    const bytesInUse = () => page.evaluate(() => globalThis.bytesInUse());
    const checkStable = (held: number[]) => assertEquals(new Set(held.slice(5)).size, 1, `bytes held: ${held}`);

    await repeat(5);
    const before = await bytesInUse();
    checkStable(await repeat(50));
    for (let i = 0; i < 5; i++) await repeat(1);
    let after = await bytesInUse();
    for (const end = Date.now() + ENDING_MS; after - before >= 4e6 && Date.now() < end;) after = await bytesInUse();
    assert(after - before < 4e6, `${before} bytes before, ${after} after`); // a model takes 2.5 MB, or 11 MB
    if (device === "wasm") checkStable(await repeat(50, true));
  }, { browser });
  await browser.close();
});
