import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { decodePicture, ImageProcessor, type Picture, VQModel } from "../../mod.ts";
import {
  answerTo,
  assertRefused,
  EDGE,
  hangUp,
  MEMORY_LIMIT,
  peakOf,
  picture,
  RUN,
  SERVE,
  serving,
} from "./edge_server.ts";
import { fixture, repository } from "../support/paths.ts";
import { IMPORT_MAP, outputOf, printedBy, start, startDeno } from "../support/processes.ts";

const MODEL = repository("examples/models/leaves-f4");
const PICTURES = fixture("pictures/golden");
/** The library's tokens for a picture file, and its picture for those tokens. */
async function byLibrary(
  file: Uint8Array<ArrayBuffer>,
): Promise<{ json: { codebook: string; shape: readonly number[]; indices: number[] }; decoded: Picture }> {
  using model = await VQModel.fromPretrained(MODEL, { device: "wasm", threads: 1 });
  const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
  using sample = await processor.preprocess(file);
  const tokens = await model.tokenize(sample);
  using sampled = await model.detokenize(tokens);
  const [decoded] = await processor.postprocess(sampled);
  const { hash } = await model.codebook();
  return { json: { codebook: hash, shape: tokens.shape, indices: [...tokens.indices] }, decoded };
}

/** The form that `curl -F file=@…` sends. */
function formOf(file: BlobPart): FormData {
  const form = new FormData();
  form.set("file", new File([file], "file"));
  return form;
}

Deno.test("the server returns the library's tokens and pictures, for one request or several at once", async () => {
  await serving(async ({ post }) => {
    for (const file of [picture(97, 66).encode("png"), picture(64, 96).encode("jpeg")]) {
      const { json: expected, decoded } = await byLibrary(file);
      const response = await post("/tokens", file);
      assertEquals([response.status, response.headers.get("content-type")], [200, "application/json"]);
      const json = await response.text();
      assertEquals(JSON.parse(json), expected);

      const back = await Promise.all([json, json, json].map((body) => post("/picture", body)));
      for (const answer of back) {
        assertEquals([answer.status, answer.headers.get("content-type")], [200, "image/png"]);
        assertEquals((await decodePicture(await answer.bytes())).data, decoded.data);
      }
    }
  });
});

Deno.test("pictures of any kind are read and turned upright, as the body or as a file in a form", async () => {
  await serving(async ({ post }) => {
    for (const name of ["webp-lossy.webp", "jpeg-exif-6.jpg", "gif.gif"]) {
      const file = await Deno.readFile(join(PICTURES, name));
      const { json: expected, decoded } = await byLibrary(file);
      const json = JSON.stringify(expected);
      for (const body of [file, formOf(file)]) {
        const response = await post("/tokens", body);
        assertEquals([response.status, await response.text()], [200, `${json}\n`], name);
      }
      const png = await (await post("/picture", formOf(json))).bytes();
      assertEquals((await decodePicture(png)).data, decoded.data);
    }
  });
});

Deno.test("`deno serve` serves the same", async () => {
  const file = picture(32, 16).encode("png");
  const { json } = await byLibrary(file);
  await serving(async ({ get, post }) => {
    assertEquals(await (await post("/tokens", file)).json(), json);
    await assertRefused(await get("/nowhere"), 404, "/nowhere");
  }, SERVE);
});

Deno.test("a bundle of it is a `fetch` handler in Node", async () => {
  const folder = await Deno.makeTempDir();
  const bundle = ["bundle", "--quiet", IMPORT_MAP, "--platform=deno", "-o", join(folder, "edge.mjs"), EDGE];
  await printedBy(startDeno(bundle));
  await Deno.symlink(repository("examples/models"), join(folder, "models"));
  const file = picture(48, 32).encode("png");
  await Deno.writeFile(join(folder, "picture.png"), file);
  await Deno.writeTextFile(join(folder, "request.mjs"), NODE_SCRIPT);
  const printed = await printedBy(start("npx", ["-y", "node@20", "request.mjs"], { cwd: folder }));
  const { json, decoded } = await byLibrary(file);
  const { tokens, png } = JSON.parse(printed);
  assertEquals(tokens, json);
  assertEquals((await decodePicture(Uint8Array.fromBase64(png))).data, decoded.data);
  await Deno.remove(folder, { recursive: true });
});

/** Sends a picture to the handler, and its tokens back. */
const NODE_SCRIPT = `
import { readFile } from "node:fs/promises";
import edge from "./edge.mjs";

const post = (path, body) => edge.fetch(new Request("http://localhost" + path, { method: "POST", body }));
const tokens = await (await post("/tokens", await readFile("picture.png"))).json();
const png = Buffer.from(await (await post("/picture", JSON.stringify(tokens))).arrayBuffer()).toString("base64");
console.log(JSON.stringify({ tokens, png }));
process.exit();
`;

Deno.test("a misspelled option is an error", async () => {
  for (const args of [RUN, SERVE]) {
    const { code, stderr } = await outputOf(startDeno([...args, "--alow-origin=https://example.org"]));
    assertEquals(code, 1);
    assertStringIncludes(stderr, "Unknown option --alow-origin=https://example.org: expected --allow-origin=ORIGIN");
  }
});

Deno.test("forms without pictures or tokens, and too large ones, are refused", async () => {
  await serving(async ({ post }) => {
    const words = new FormData();
    words.set("file", "picture.png");
    await assertRefused(await post("/tokens", words), 400, "expected a file in the form");
    await assertRefused(await post("/tokens", formOf("<html>")), 415);
    await assertRefused(await post("/picture", formOf("{")), 400, "expected JSON");
    await assertRefused(await post("/tokens", formOf(new Uint8Array(2_000_000))), 413, "more than 2000000 bytes");
    await assertRefused(await post("/picture", formOf(" ".repeat(250_000))), 413, "more than 250000 bytes");
    for (const type of ["multipart/form-data", "multipart/form-data; boundary=x"]) {
      const response = await post("/tokens", "no form", { headers: { "content-type": type } });
      await assertRefused(response, 400, "the body is not valid multipart/form-data");
    }
  });
});

Deno.test("the page is HTML that loads nothing from other servers", async () => {
  await serving(async ({ get }) => {
    const response = await get("/");
    assertEquals([response.status, response.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
    assertStringIncludes(response.headers.get("content-security-policy")!, "default-src 'none'");
    const html = await response.text();
    assertMatch(html, /^<!DOCTYPE html>/);
    assertEquals(/https?:|\bsrc=/.test(html), false);
    assertMatch(html, /\[hidden\] \{ display: none !important \}/); // or `main { display: flex }` would show it
    const [, script] = /<script type="module">(.*)<\/script>/s.exec(html)!;
    new Function(`return async () => {${script}}`); // it can be parsed
    const head = await get("/", { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
  });
});

/** Tokens of another codebook. */
const FOREIGN = JSON.stringify({ codebook: "0".repeat(64), shape: [1, 1, 1], indices: [1] });

const NO_TOKENS: [json: string, status: number, message: string][] = [
  ["", 400, "expected JSON"],
  ["{", 400, "expected JSON"],
  ["[".repeat(200_000), 400, "expected JSON"],
  ["null", 400, '{"shape": [n, height, width], "indices": [0, …]}'],
  ['{"shape":[1,1,1]}', 400, '{"shape": [n, height, width], "indices": [0, …]}'],
  ['{"shape":[1,1,1],"indices":["1"]}', 400, "index of type string at position 0"],
  ['{"shape":[1,1,1],"indices":[0.5]}', 400, "index 0.5 at position 0"],
  ['{"shape":[1,1,1],"indices":[4294967296]}', 400, "index 4294967296 at position 0"],
  ['{"shape":[1,1,1],"indices":{"length":1}}', 400, '{"shape": [n, height, width], "indices": [0, …]}'],
  ['{"shape":[2,1,1],"indices":[1,1]}', 400, "the tokens of one picture, found those of 2"],
  [`{"shape":[1,1,${"[".repeat(50_000)}${"]".repeat(50_000)}],"indices":[1]}`, 400, "nested at most 64 deep"],
  [FOREIGN, 400, "they belong to a model with codebook 0000000000000000, this one's is 35ece7298ed9e892"],
  ['{"shape":[1,1,1],"indices":[1024]}', 400, "rows 0 to 1023"],
  ['{"shape":[1,1,1],"indices":[-1]}', 400, "rows 0 to 1023"],
  ['{"shape":[1,1,2],"indices":[1]}', 400, "takes 2 indices, found 1"],
  ['{"shape":[1,0,1],"indices":[]}', 400, "whole numbers ≥ 1"],
  ['{"shape":[1,-1,-1],"indices":[1]}', 400, "whole numbers ≥ 1"],
  [`{"shape":[1,128,193],"indices":[${Array(128 * 193).fill(7)}]}`, 413, "more than 393216 pixels"],
  [" ".repeat(250_001), 413, "more than 250000 bytes"],
];

Deno.test("errors of a request are returned as JSON with a fitting status", async () => {
  await serving(async ({ get, post, port }) => {
    const slow = answerTo(port, "POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");

    for (const path of ["/nowhere", "/tokens/", "/toString"]) await assertRefused(await get(path), 404, path);
    for (const [path, method, allow] of [["/tokens", "GET", "POST"], ["/", "PUT", "GET, HEAD"]]) {
      const response = await get(path, { method });
      assertEquals(response.headers.get("allow"), allow);
      await assertRefused(response, 405, `takes ${allow}, found ${method}`);
    }

    const png = picture(64, 64).encode("png");
    await assertRefused(await post("/tokens", ""), 415, "found no bytes");
    await assertRefused(await post("/tokens", "GIF89a"), 415, "this GIF is cut short");
    await assertRefused(await post("/tokens", png.slice(0, -2000)), 415, "cut short");
    await assertRefused(await post("/tokens", png.with(50, png[50] ^ 1)), 415, "damaged");
    await assertRefused(await post("/tokens", picture(3, 9).encode("png")), 400, "rounds down to 0");
    await assertRefused(
      await post("/tokens", picture(769, 512).encode("jpeg")),
      413,
      "769×512 pixels, more than 393216",
    );
    await assertRefused(await post("/tokens", new Uint8Array(2_000_001)), 413, "more than 2000000 bytes");
    const encoded = await post("/tokens", png, { headers: { "content-encoding": "gzip" } });
    await assertRefused(encoded, 415, "encoded as gzip");
    await hangUp(port, "POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"); // the log must not mind
    const endless = "POST /tokens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" +
      " ".repeat(2_000_001);
    const announced = "POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n";
    assertMatch(await answerTo(port, announced), /^HTTP\/1.1 413 .*"the body has more than 2000000 bytes"/s);
    assertMatch(await answerTo(port, endless), /^HTTP\/1.1 413 .*"the body has more than 2000000 bytes"/s);
    for (const [json, status, message] of NO_TOKENS) await assertRefused(await post("/picture", json), status, message);

    assertMatch(await answerTo(port, "GET /x HTTP/1.1\r\nHost: [no host\r\n\r\n"), /^HTTP\/1.1 404 /);
    assertMatch(await slow, /^HTTP\/1.1 408 .*"the body came at less than 10000 bytes a second"/s);
    assertEquals((await (await post("/tokens", png)).json()).shape, [1, 16, 16]);
  });
});

Deno.test("the largest pictures, and more requests than can wait, stay within 512 MB", async () => {
  await serving(async ({ post, pid }) => {
    const largest = await post("/tokens", picture(768, 512).encode("png"));
    const json = await largest.text();
    assertEquals([largest.status, JSON.parse(json).shape], [200, [1, 128, 192]]);

    const given = AbortSignal.timeout(200);
    const gone = await post("/picture", json, { signal: given }).catch((error) => error);
    assertEquals(gone, given.reason);

    const decoded = await decodePicture(await (await post("/picture", json)).bytes());
    assertEquals([decoded.width, decoded.height], [768, 512]);

    const small = '{"shape":[1,24,24],"indices":[' + Array(24 * 24).fill(7) + "]}";
    const answers = await Promise.all([json, ...Array(15).fill(small)].map((body) => post("/picture", body)));
    const refused = answers.filter(({ status }) => status !== 200);
    assert(refused.length > 0 && refused.length < answers.length, `${refused.length} were refused`);
    for (const response of refused) {
      assertEquals(response.headers.get("retry-after"), "5");
      await assertRefused(response, 503, "too many requests");
    }
    const served = answers.filter(({ status }) => status === 200);
    for (const { width } of await Promise.all(served.map(async (answer) => decodePicture(await answer.bytes())))) {
      assert(width === 768 || width === 96);
    }
    if (Deno.build.os !== "linux") return;
    assertLess(await peakOf(pid), MEMORY_LIMIT);
  });
});
