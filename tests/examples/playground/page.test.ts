/// <reference lib="dom" />
/** The playground, used as a person does: in Chromium. */
import { assert, assertEquals, assertGreater, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import axe from "npm:axe-core@4.10.3";
import { decodePicture, ImageProcessor, VQModel } from "../../../mod.ts";
import { repository } from "../../support/paths.ts";
import { IMPORT_MAP, startDeno } from "../../support/processes.ts";
import { inPlayground, type Playground, SMALL, startBrowser, stopBrowser } from "./browser.ts";

Deno.test.beforeAll(startBrowser);
Deno.test.afterAll(stopBrowser);

const STILL_LIFE = repository("examples/images/still-life.png");
const JPEG = "tests/fixtures/pictures/golden/jpeg-420.jpg";

Deno.test("the task serves the page with the headers that isolate it", async () => {
  const child = startDeno([
    "run",
    "-A",
    IMPORT_MAP,
    repository("examples/playground/serve.ts"),
    IMPORT_MAP,
    "--port=0",
  ]);
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const response = await fetch(/http:\S+/.exec(text)![0]);
    assertStringIncludes(await response.text(), "<title>Token playground</title>");
    assertEquals(response.headers.get("cross-origin-embedder-policy"), "require-corp");
    const outside = await fetch(new URL("..%2fserve.ts", response.url));
    assertEquals([outside.status, await outside.text()], [404, "Not found"]);
    child.kill();
  }
  await child.stderr.cancel();
  await child.status;
});

/** What the library makes of a picture file. */
async function expected(file: string, width: number, height: number, folder = "examples/models/leaves-f4") {
  using model = await VQModel.fromPretrained(repository(folder), { device: "wasm" });
  const processor = ImageProcessor.for(model);
  using sample = await processor.preprocess(file, { width, height });
  const tokens = await model.tokenize(sample);
  using decoded = await model.detokenize(tokens);
  const [picture] = await processor.postprocess(decoded);
  return { indices: [...tokens.indices], picture };
}

Deno.test("the page tokenizes and decodes a picture as the library does, in threads", async () => {
  const { indices, picture } = await expected(STILL_LIFE, 128, 84);
  await inPlayground(async ({ page, saveTokens, savePicture, report }) => {
    assert(await page.evaluate(() => crossOriginIsolated));
    assertEquals((await saveTokens()).indices.flat(2), indices);
    assertEquals(await decodePicture(await savePicture()), picture);
    assertStringIncludes(await report("PSNR"), "dB");
  });
});

Deno.test("a service worker isolates the page where the server sends no headers, in a folder too", async () => {
  await inPlayground(async ({ page, ready, report }) => {
    for (const open of [() => Promise.resolve(), () => page.goto(new URL("moved", page.url()).href)]) {
      await open();
      await ready();
      assert(await page.evaluate(() => crossOriginIsolated));
      assertEquals(await report("Tokens"), "32 × 21 = 672");
    }
  }, { headers: {}, folder: "/some/folder/" });
});

Deno.test("a dropped JPEG gives the tokens that the library makes of it", async () => {
  await inPlayground(async ({ drop, ready, saveTokens }) => {
    await drop({ "photo.jpg": JPEG });
    await ready();
    const { shape: [, rows, columns], indices } = await saveTokens();
    assertEquals(indices.flat(2), (await expected(repository(JPEG), 4 * columns, 4 * rows)).indices);
  });
});

Deno.test("a picture of the camera is opened, unless its dialog is closed", async () => {
  await inPlayground(async ({ page, click, ready, saveTokens }) => {
    const before = await saveTokens();
    for (const [button, isTaken] of [["camera-cancel", false], ["camera-take", true]] as const) {
      await click("camera");
      await page.waitForFunction(() => document.querySelector("video")!.readyState === 4);
      await click(button);
      await page.waitForFunction(() => document.querySelector("video")!.srcObject === null);
      if (!isTaken) assertEquals(await saveTokens(), before);
    }
    await page.waitForFunction(() => document.querySelector("#report")!.textContent!.includes("32 × 18 = 576")); // 16:9
    await ready();
  });
});

Deno.test("the dropped files of a model are loaded, and the picture is tokenized with it", async () => {
  const folder = "tests/fixtures/golden/tiny-amused";
  const names = ["config.json", "diffusion_pytorch_model.safetensors"];
  await inPlayground(async ({ drop, ready, saveTokens, page }) => {
    await drop(Object.fromEntries(names.map((name) => [name, `${folder}/${name}`])));
    await ready();
    assertEquals(await page.$eval("#model", (list) => (list as HTMLSelectElement).value), names[1]);
    const { shape: [, rows, columns], indices } = await saveTokens();
    const factor = 128 / columns;
    assertEquals(indices.flat(2), (await expected(STILL_LIFE, 128, factor * rows, folder)).indices);
  });
});

Deno.test("after its worker has ended, the model is loaded again in another one, and edits stay", async () => {
  await inPlayground(async (playground) => {
    const { page, click, saveTokens } = playground;
    await click("noise");
    await settled(playground);
    const before = await saveTokens();
    await page.workers()[0].evaluate("close()");
    await click("undo");
    await page.waitForFunction(() => document.querySelector("#error-text")!.textContent);
    assertStringIncludes(await page.$eval("#error-text", (text) => text.textContent!), "load the model again");
    await click("redo");
    await page.select("#device", "wasm");
    await settled(playground); // until then, the page shows the last error
    assertEquals(await saveTokens(), before);
  });
});

const MESSAGES = [
  ["notes.png", "deno.json", "Cannot decode picture"],
  ["model.ckpt", "deno.json", "Cannot read model.ckpt"],
  ["tokens.json", "deno.json", "Cannot read tokens from tokens.json"],
];

Deno.test("a file that is no picture, no model or no tokens is a message, not the end", async () => {
  await inPlayground(async ({ drop, page, click, savePicture }) => {
    const before = await savePicture();
    for (const [name, path, message] of MESSAGES) {
      await drop({ [name]: path });
      await page.waitForFunction(() => document.querySelector("#error-text")!.textContent);
      assertStringIncludes(await page.$eval("#error-text", (text) => text.textContent!), message);
      await click("error-close");
    }
    assertEquals(await savePicture(), before);
  });
});

Deno.test("painting with the pointer changes the picture around, and undo restores it bit for bit", async () => {
  await inPlayground(async (playground) => {
    const { savePicture, saveTokens, click, ready } = playground;
    const before = { picture: await savePicture(), tokens: await saveTokens() };
    await setCode(playground, 453);
    await paint(playground);

    const after = { picture: await savePicture(), tokens: await saveTokens() };
    const changed = differences(before.tokens.indices.flat(2), after.tokens.indices.flat(2));
    assert(changed.length >= 9 && changed.length <= 3 * 7, `${changed.length} tokens changed`);
    const [near, far] = await changeOf(before.picture, after.picture);
    assertGreater(near, 10); // levels of 0 to 255
    assertLess(far, 2);

    await click("undo");
    await settled(playground);
    assertEquals(await savePicture(), before.picture);
    assertEquals(await saveTokens(), before.tokens);
    await click("redo");
    await settled(playground);
    assertEquals(await savePicture(), after.picture);
    await ready();
  });
});

Deno.test("the page draws its frames while what one paints is decoded", async () => {
  await inPlayground(async (playground) => {
    const { page } = playground;
    await page.evaluate(() => {
      const measured = globalThis as { longestFrame?: number };
      let last = performance.now();
      measured.longestFrame = 0;
      requestAnimationFrame(function next() {
        const now = performance.now();
        measured.longestFrame = Math.max(measured.longestFrame!, now - last);
        last = now;
        requestAnimationFrame(next);
      });
    });
    await paint(playground);
    const [frame, decoding] = await page.evaluate(() => [
      (globalThis as { longestFrame?: number }).longestFrame!,
      parseFloat(document.querySelector("#reconstruction-note")!.textContent!),
    ]);
    assertLess(frame, decoding / 3); // milliseconds; measured: 2 % to 9 % of decoding
  }, { fragment: SMALL.replace("128", "512") });
});

Deno.test("the keyboard moves, picks, paints and undoes, and says where it is", async () => {
  await inPlayground(async (playground) => {
    const { page, saveTokens } = playground;
    const { indices, shape: [, rows, columns] } = await saveTokens();
    const tokens = indices.flat(2);
    await page.focus("#tokens");
    const announced = (text: string) =>
      page.waitForFunction((text) => document.querySelector("#announcements")!.textContent!.includes(text), {}, text);
    const cell = (row: number, column: number) => tokens[row * columns + column];
    const [row, column] = [Math.floor(rows / 2), Math.floor(columns / 2)];

    await page.keyboard.press("ArrowRight");
    await announced(`Row ${row}, column ${column + 1}, index ${cell(row, column + 1)}`);
    await page.keyboard.press("p");
    await announced(`Code ${cell(row, column + 1)} is picked`);
    await page.keyboard.press("[");
    await page.keyboard.press("[");
    await page.keyboard.down("Shift");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.up("Shift");
    await page.keyboard.press("Enter");
    await settled(playground);
    const painted = (await saveTokens()).indices.flat(2);
    const place = (row - 8) * columns + column + 1;
    assertEquals(painted[place], cell(row, column + 1));
    assert(differences(tokens, painted).every((changed) => changed === place));

    await page.keyboard.down("Control");
    await page.keyboard.press("z");
    await page.keyboard.up("Control");
    await settled(playground);
    assertEquals((await saveTokens()).indices.flat(2), tokens);
  });
});

Deno.test("a link reproduces edits of a sample picture, and the tokens of any other", async () => {
  let edited: { link: string; picture: Uint8Array }[] = [];
  await inPlayground(async (playground) => {
    const { page, click, savePicture, drop, ready } = playground;
    for (const open of [() => Promise.resolve(), () => drop({ "photo.jpg": JPEG })]) {
      await open();
      await ready();
      for (const id of ["noise", "shuffle", "swap"]) await click(id);
      await settled(playground);
      await click("copy-link");
      await page.waitForFunction(() => document.querySelector("#error-text")!.textContent!.startsWith("The link"));
      edited = [...edited, { link: new URL(page.url()).hash, picture: await savePicture() }];
      await click("error-close");
    }
  });
  assert(edited[0].link.includes("edits=") && edited[1].link.includes("tokens="));
  for (const { link, picture } of edited) {
    await inPlayground(async ({ savePicture }) => assertEquals(await savePicture(), picture), { fragment: link });
  }
});

Deno.test("margins, differences and the time of each op are shown when asked for", async () => {
  await inPlayground(async ({ page, click }) => {
    const picture = (id: string) => page.$eval(`#${id}`, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const before = [await picture("tokens"), await picture("reconstruction")];
    await click("margins");
    await click("difference");
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    assert(await picture("tokens") !== before[0] && await picture("reconstruction") !== before[1]);
    assertMatch(await page.$eval("#legend-low", (text) => text.textContent!), /^margin 0\.\d+ · equal$/);
    await click("measure");
    await page.waitForFunction("document.querySelector('#profile-table').textContent.includes('decoder.conv_out')");
  });
});

Deno.test("axe finds nothing that keeps people out, neither in light nor in dark colours", async () => {
  await inPlayground(async ({ page }) => {
    await page.evaluate(axe.source);
    for (const value of ["light", "dark"]) {
      const motion = { name: "prefers-reduced-motion", value: "reduce" }; // colours change at once
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }, motion]);
      const { violations } = await page.evaluate("axe.run()");
      assertEquals(violations.map(({ help }: { help: string }) => help), []);
    }
  });
});

Deno.test("on a phone nothing is wider than the screen", async () => {
  await inPlayground(async ({ page, click }) => {
    await click("margins");
    for (const width of [390, 320]) {
      await page.setViewport({ width, height: 800 });
      const [shown, content] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
      assertEquals([shown, content], [width, width]);
    }
  }, { viewport: { width: 390, height: 844, hasTouch: true, isMobile: true } });
});

Deno.test("memory stays the same over 50 edits", async () => {
  await inPlayground(async (playground) => {
    const { page, click, report } = playground;
    const devtools = await page.createCDPSession();
    async function heapAfter(edits: number): Promise<number> {
      for (let i = 0; i < edits; i++) {
        await click(i % 2 === 0 ? "noise" : "undo");
        await settled(playground);
      }
      await devtools.send("HeapProfiler.collectGarbage");
      return (await page.metrics()).JSHeapUsedSize!;
    }
    const before = await heapAfter(10);
    const held = parseFloat(await report("Memory")); // in MB
    assertLess(await heapAfter(50) - before, 2e6);
    assertLess(parseFloat(await report("Memory")) - held, 2); // what edits left is freed with their garbage
  }, { fragment: SMALL.replace("128", "64") });
});

/** Waits until the page shows what was done last, decoded. */
async function settled({ page, ready }: Playground): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await ready();
}

/** Paints a short stroke on the reconstruction. */
async function paint(playground: Playground): Promise<void> {
  const { page } = playground;
  await page.click("input[value=paint] + span");
  const box = (await (await page.$("#reconstruction"))!.boundingBox())!;
  const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(0.2, 0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.3, 0.3), { steps: 5 });
  await page.waitForFunction(() => document.querySelector("#report")!.textContent!.includes("in part"));
  await page.mouse.up();
  await settled(playground);
}

async function setCode({ page }: Playground, code: number): Promise<void> {
  await page.$eval("#code", (input, code) => {
    (input as HTMLInputElement).value = `${code}`;
    input.dispatchEvent(new Event("input"));
  }, code);
}

/** The positions at which arrays differ. */
function differences(a: readonly number[], b: readonly number[]): number[] {
  return a.flatMap((value, i) => value === b[i] ? [] : [i]);
}

/** The mean change of two PNG files: where the test painted, and in the lower half of the right side. */
async function changeOf(before: Uint8Array, after: Uint8Array): Promise<[near: number, far: number]> {
  const [a, b] = [await decodePicture(before), await decodePicture(after)];
  const mean = (x0: number, y0: number, x1: number, y1: number) => {
    let sum = 0;
    for (let y = Math.floor(y0 * a.height); y < Math.floor(y1 * a.height); y++) {
      for (let x = Math.floor(x0 * a.width); x < Math.floor(x1 * a.width); x++) {
        for (let c = 0; c < 3; c++) {
          sum += Math.abs(a.data[4 * (y * a.width + x) + c] - b.data[4 * (y * a.width + x) + c]);
        }
      }
    }
    return sum / 3 / ((x1 - x0) * (y1 - y0) * a.width * a.height);
  };
  return [mean(0.2, 0.27, 0.3, 0.33), mean(0.6, 0.5, 1, 1)];
}
