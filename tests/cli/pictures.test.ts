/** The commands `info`, `reconstruct` and `profile`, and the options that prepare pictures. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { decodePicture, ImageProcessor, type PreprocessOptions, VQModel } from "../../mod.ts";
import { AMUSED, fail, inFolder, LYING, MODEL, PICTURE, SIZE, succeed } from "./command.ts";

Deno.test("info describes a model", async () => {
  const [engine, ...lines] = (await succeed("info", MODEL)).split("\n");
  assertMatch(engine, /^engine {8}\w+, float32$/);
  assertMatch(lines[0], /^CPU {11}\d+ threads?, (128|256)-bit vectors/);
  assertEquals(lines.slice(1, 7), [
    "parameters    279,038",
    "factor        4, one token for 4×4 pixels",
    "codebook      256 codes of 3 numbers",
    "pixel values  -1 to 1",
    "",
    "config.json",
  ]);
  assert(lines.includes("  block_out_channels       [16,24,32]"), "the configuration is shown");
});

Deno.test("models that look codes up take pixels from 0 to 1, unless --range says otherwise", async () => {
  assertStringIncludes(await succeed("info", AMUSED), "pixel values  0 to 1\n");
  await inFolder(async (path) => {
    const tokensWith = async (...args: string[]) => {
      await succeed("tokenize", AMUSED, PICTURE, ...SIZE, "-o", path("tokens.json"), ...args);
      return await Deno.readTextFile(path("tokens.json"));
    };
    const tokens = await tokensWith();
    assertEquals(await tokensWith("--range=0,1"), tokens);
    assertNotEquals(await tokensWith("--range", "-1,1"), tokens);
  });
});

Deno.test("reconstruct prints figures, and writes nothing unless told to", async () => {
  const figures = [
    /^engine {10}\w+, float32$/,
    /^picture {9}64×48$/,
    /^token grid {6}16×12$/,
    /^tokens {10}192$/,
    /^distinct codes {2}\d+ of 256$/,
    /^bits per pixel {2}0\.500$/,
    /^PSNR {12}-?\d+\.\d\d dB$/,
    /^time {12}\d+\.\d\d s to tokens, \d+\.\d\d s to pixels$/,
    /^$/,
  ];
  const lines = (await succeed("reconstruct", MODEL, PICTURE, ...SIZE)).split("\n");
  assertEquals(lines.length, figures.length);
  lines.forEach((line, i) => assertMatch(line, figures[i]));
});

/** The size that it says a picture has. */
async function sizeOf(picture: string, ...args: string[]): Promise<string> {
  return /^picture +(.*)$/m.exec(await succeed("reconstruct", MODEL, picture, ...args))![1];
}

Deno.test("one side alone keeps the picture's shape, --size makes squares", async () => {
  assertEquals(await sizeOf(PICTURE, "--height", "48"), "64×48");
  assertEquals(await sizeOf(PICTURE, "--width=50"), "48×36"); // rounded down to whole tokens
  assertEquals(await sizeOf(PICTURE, "--size", "32"), "32×32");
  assertMatch(await fail(1, "reconstruct", MODEL, PICTURE, "--width", "4"), /height 3 rounds down to 0.*photo\.png/);
});

Deno.test("pictures are turned upright, unless --no-orientation says otherwise", async () => {
  const { width, height } = await decodePicture(await Deno.readFile(LYING));
  const [across, down] = [width, height].map((side) => side - side % 4);
  assertNotEquals(across, down);
  assertEquals(await sizeOf(LYING), `${across}×${down}`);
  assertEquals(await sizeOf(LYING, "--no-orientation"), `${down}×${across}`);
});

Deno.test("--crop and --resample prepare pictures as the library does", async () => {
  using model = await VQModel.fromPretrained(MODEL, { device: "wasm" });
  const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
  const ways: [args: string[], options: PreprocessOptions][] = [
    [["--size=32"], {}],
    [["--size=32", "--resample", "nearest"], { resample: "nearest" }],
    [["--size=32", "--crop", "center"], { crop: "center" }],
    [["--size=32", "--crop=center", "--resample=box"], { crop: "center", resample: "box" }],
    [["--size=32", "--crop", "adm"], { crop: "adm" }],
  ];
  const all = await Promise.all(ways.map(async ([args, options]) => {
    using sample = await processor.preprocess(PICTURE, { height: 32, width: 32, ...options });
    const { indices } = await model.tokenize(sample);
    const said = await succeed("tokenize", MODEL, PICTURE, "-o", "-", "--device=wasm", ...args);
    assertEquals(JSON.parse(said).indices, [...indices], args.join(" "));
    return `${indices}`;
  }));
  assertEquals(new Set(all).size, ways.length);
});

Deno.test("--max-pixels bounds pictures before and after resizing", async () => {
  const refused = await fail(1, "reconstruct", MODEL, PICTURE, ...SIZE, "--max-pixels=3e5");
  assertMatch(refused, /640×480 pixels, more than 300000; raise --max-pixels if you trust it.*photo\.png/);
  assertMatch(
    await fail(1, "reconstruct", MODEL, LYING, "--size=200", "--max-pixels=1e4"),
    /more than --max-pixels, 10000/,
  );
  assertEquals(await sizeOf(PICTURE, ...SIZE, "--max-pixels", "307200"), "64×48");
});

Deno.test("--memory-limit bounds what a model computes in", async () => {
  assertMatch(
    await fail(1, "reconstruct", MODEL, PICTURE, ...SIZE, "--memory-limit", "1kB"),
    /Cannot compute within 1000 bytes/,
  );
  const tokens = ["tokenize", MODEL, PICTURE, "--height=480", "-o", "-", "--device=wasm"];
  const [free, bound] = await Promise.all([[], ["--memory-limit=40MB"]].map((args) => succeed(...tokens, ...args)));
  assertEquals(JSON.parse(bound).shape, JSON.parse(free).shape);
});

Deno.test("pictures may be URLs", async () => {
  assertEquals(await sizeOf(new URL(LYING, "file:").href), await sizeOf(LYING));
  const small = (await Deno.readFile(LYING)).toBase64();
  assertEquals(await sizeOf(`data:image/jpeg;base64,${small}`), await sizeOf(LYING));
});

Deno.test("--side-by-side writes three pictures in one", async () => {
  await inFolder(async (path) => {
    await succeed("reconstruct", MODEL, PICTURE, ...SIZE, "--side-by-side", "-o", path("all.png"));
    const { width, height } = await decodePicture(await Deno.readFile(path("all.png")));
    assertEquals([width, height], [3 * 64 + 2 * 8, 48]);
  });
});

Deno.test("profile prints what each op took", async () => {
  const lines = (await succeed("profile", MODEL, "--size", "16", "--rounds=1", "--tune")).split("\n");
  assertMatch(lines[0], /^\w+, float32, 16×16$/);
  assertMatch(lines[3], /^all +\d+ +\d+\.\d\d +100\.0 /);
  assert(lines.some((line) => /^conv2d +encoder\.conv_in +1×16×16×16 +\d+\.\d\d /.test(line)));
});
