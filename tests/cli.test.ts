import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { checkWritable, writeWhole } from "../cli/files.ts";
import { showComputing } from "../cli/terminal.ts";
import { BYTES, bytesOf } from "../cli/text.ts";
import deno from "../deno.json" with { type: "json" };
import { decodePicture, ImageProcessor, type PreprocessOptions, VQModel } from "../mod.ts";

const CLI = fromFileUrl(new URL("../cli.ts", import.meta.url));
const MODEL = fromFileUrl(new URL("fixtures/golden/tiny-f4", import.meta.url));
const AMUSED = fromFileUrl(new URL("fixtures/golden/tiny-amused", import.meta.url));
const PICTURE = fromFileUrl(new URL("fixtures/golden/image-processor/photo.png", import.meta.url));
/** Small, so that a run is quick: 16×12 tokens. The picture's own sides are ten times as long. */
const SIZE = ["--width", "64", "--height=48"];
const LYING = fromFileUrl(new URL("fixtures/pictures/golden/jpeg-exif-6.jpg", import.meta.url));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in a process of its own, where no graphics driver finds the variable it looks for. */
async function cli(args: readonly string[], env: Record<string, string> = {}, input = ""): Promise<Result> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--deny-ffi", "--quiet", CLI, ...args],
    env: { NO_COLOR: "1", DEBUG: "", XDG_RUNTIME_DIR: "", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Blob([input]).stream().pipeTo(process.stdin).catch(() => {}); // most commands do not read it
  const { code, stdout, stderr } = await process.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** What it prints where it succeeds. */
async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}

/** The one line it says where it fails. */
async function fail(code: number, ...args: string[]): Promise<string> {
  const result = await cli(args);
  assertEquals({ code: result.code, stdout: result.stdout }, { code, stdout: "" });
  assertMatch(result.stderr, /^error: .*\n$/);
  return result.stderr;
}

/** Runs a test in a fresh folder, which must hold nothing unfinished at the end. */
async function inFolder(run: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run((name) => join(folder, name));
    assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".part")), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("--help lists the commands, and after a command its options", async () => {
  const top = await succeed("--help");
  for (const name of ["info", "reconstruct", "tokenize", "detokenize", "profile"]) {
    assertStringIncludes(top, `\n  ${name} MODEL`);
  }
  assertEquals(await succeed("-h"), top);
  for (const name of ["info", "reconstruct", "tokenize", "detokenize", "profile"]) {
    const help = await succeed(name, "--help");
    assertStringIncludes(help, `/cli ${name} MODEL`);
    assertStringIncludes(help, "\n  --device NAME");
    const options = help.slice(help.indexOf("Options:"));
    for (const line of options.split("\n")) assert(line.length <= 80, line);
    assertEquals(help.includes("--side-by-side"), name === "reconstruct");
  }
});

Deno.test("--version prints the version", async () => {
  assertEquals(await succeed("--version"), `${deno.version}\n`);
});

const MISUSES: [args: string[], message: string][] = [
  [[], "no command: expected info, reconstruct, tokenize, detokenize, profile or --help"],
  [["toString"], 'unknown command "toString"'],
  [["info"], "missing MODEL: expected info MODEL"],
  [["reconstruct"], "missing MODEL and PICTURE"],
  [["info", MODEL, "more"], 'unexpected "more"'],
  [["info", MODEL, "more\x1b[2J"], 'unexpected "more\\x1b[2J"'],
  [["info", MODEL, "more".repeat(5000)], "moremore…\n"],
  [["info", MODEL, "--side-by-side"], "Unknown option '--side-by-side': see info --help\n"],
  [["reconstruct", MODEL, PICTURE, "--range", "-1,0"], '--range takes "-1,1" or "0,1", found "-1,0"'],
  [["reconstruct", MODEL, PICTURE, "--width", "1e3"], '--width takes a whole number ≥ 1, found "1e3"'],
  [["reconstruct", MODEL, PICTURE, "--crop", "middle"], '--crop takes "center" or "adm", found "middle"'],
  [["reconstruct", MODEL, PICTURE, "--crop", "adm"], "--crop needs --size"],
  [["reconstruct", MODEL, PICTURE, "--crop", "adm", "--height", "64"], "--crop makes squares: pass --size"],
  [["reconstruct", MODEL, PICTURE, "--crop=adm", "--size=64", "--resample=box"], "--crop adm resizes in its own way"],
  [["tokenize", MODEL, PICTURE, "-o", "-", "--size", "64", "--width", "64"], "--size sets both sides"],
  [["reconstruct", MODEL, PICTURE, "--size", "0"], '--size takes a whole number ≥ 1, found "0"'],
  [["reconstruct", MODEL, PICTURE, "--resample", "cubic"], '--resample takes "lanczos", "bicubic", '],
  [["reconstruct", MODEL, PICTURE, "--max-pixels", "-1"], "argument is ambiguous: see reconstruct --help\n"],
  [
    ["reconstruct", MODEL, PICTURE, "--max-pixels", "many"],
    '--max-pixels takes a number ≥ 1 such as 1e8, found "many"',
  ],
  [["reconstruct", MODEL, PICTURE, "--no-orientation=1"], "does not take an argument"],
  [
    ["profile", MODEL, "--memory-limit", "half"],
    '--memory-limit takes bytes such as 1.5e9, 512MB or 2GiB, found "half"',
  ],
  [["info", MODEL, "--memory-limit", "1GB"], "Unknown option '--memory-limit'"],
  [["profile", MODEL, "--size", "100000"], "--size takes at most 16384, found 100000"],
  [["reconstruct", MODEL, PICTURE, "--height"], "'--height <value>' argument missing"],
  [["reconstruct", MODEL, PICTURE, "--side-by-side"], "-o is needed"],
  [["tokenize", MODEL, PICTURE], "-o is needed"],
  [["detokenize", MODEL, PICTURE], "-o is needed"],
  [["info", MODEL, "--dtype", "bf16"], '"float32" or "float16"'],
  [["info", MODEL, "--dtype", "uint8"], '"float32" or "float16"'],
  [["tokenize", MODEL, PICTURE, "--dtype", "uint8,float16"], '"uint8" to "int64" for the file, as in "float16,int64"'],
  [["detokenize", MODEL, PICTURE, "--grid", "16"], '--grid takes rows and columns such as 16x24, found "16"'],
  [["info", MODEL, "--device", "abacus"], '--device takes "auto", "webgpu" or "wasm", found "abacus"'],
];

Deno.test("wrong arguments are one line and exit code 2", async () => {
  for (const [args, message] of MISUSES) assertStringIncludes(await fail(2, ...args), message);
});

Deno.test("what fails is one line and exit code 1", async () => {
  await inFolder(async (path) => {
    assertStringIncludes(await fail(1, "info", path("nowhere")), "nowhere");
    assertStringIncludes(await fail(1, "info", MODEL, "--variant", "fp16"), "fp16");
    assertStringIncludes(await fail(1, "info", MODEL, "--device", "wasm", "--dtype", "float16"), "shader-f16");
    assertStringIncludes(await fail(1, "reconstruct", MODEL, path("none.png")), "none.png");
    const config = join(MODEL, "config.json");
    assertMatch(await fail(1, "reconstruct", MODEL, config), /expected a PNG, JPEG, WebP.*config\.json/);
    assertMatch(await fail(1, "reconstruct", MODEL, MODEL), /Cannot read picture.*tiny-f4/);
    const several = ["tokenize", MODEL, PICTURE, config, ...SIZE, "-o", path("tokens.json")];
    assertMatch(await fail(1, ...several), /expected a PNG.*picture 1, .*config\.json/);
    assertMatch(
      await fail(1, "reconstruct", MODEL, "ftp://example.org/x.png"),
      /expected a path or a file:.*found ftp:/,
    );
    const lost = path("nowhere/tokens.json");
    assertStringIncludes(await fail(1, "tokenize", MODEL, PICTURE, ...SIZE, "-o", lost), "nowhere");
  });
});

Deno.test("what files and names hold does not reach the terminal as commands to it", async () => {
  await inFolder(async (path) => {
    const config = { _class_name: "VQModel", act_fn: "\x1b[2Jrelu\x9b31m\u202e" };
    await Deno.writeTextFile(path("config.json"), JSON.stringify(config));
    await Deno.writeTextFile(path("diffusion_pytorch_model.safetensors"), "\x1b]0;title\x07");
    const weights = await fail(1, "info", path("."));
    await Deno.writeFile(
      path("diffusion_pytorch_model.safetensors"),
      Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d),
    );
    const values = await fail(1, "info", path("."));
    assertStringIncludes(values, '"\\x1b[2Jrelu\\x9b31m\\u{202e}"');
    await Deno.writeTextFile(path("\x1b[31mtokens.json"), '[["\x1b[2J", 1], [2, \x1b]]');
    const tokens = await fail(1, "detokenize", MODEL, path("\x1b[31mtokens.json"), "-o", path("out.png"));
    const wrote = await succeed("tokenize", MODEL, PICTURE, "--size", "8", "-o", path("\x1b[31mtokens.npz"));
    for (const said of [weights, values, tokens, wrote.replace("×", "x")]) assertMatch(said, /^[ -~]*\n$/);
  });
});

Deno.test("where a result cannot be written is said before anything is loaded, and nothing is left there", async () => {
  await inFolder(async (path) => {
    const none = path("no model");
    const write = (name: string, command = "reconstruct") => fail(1, command, none, PICTURE, "-o", path(name));
    assertStringIncludes(await write("nowhere/out.png"), "nowhere");
    assertStringIncludes(await write("nowhere/tokens.json", "tokenize"), "nowhere");
    assertStringIncludes(await write("out.webp"), "expected a name ending in .png");
    await Deno.mkdir(path("folder.png"));
    assertStringIncludes(await write("folder.png"), "folder.png");

    await Deno.writeTextFile(path("old.png"), "as it was");
    for (const name of ["old.png", "new.png"]) assertStringIncludes(await write(name), "no model");
    assertEquals(await Deno.readTextFile(path("old.png")), "as it was");
    assertEquals([...Deno.readDirSync(path("."))].map(({ name }) => name).sort(), ["folder.png", "old.png"]);
  });
});

const NO_TOKENS = [
  "",
  "null",
  '{"indices": [1]}',
  '{"shape": [2, 1, 1], "indices": [1, 2]}',
  '{"shape": [1, 1, 2], "indices": [1, "2"]}',
  '{"shape": [1, 1, 2], "indices": [1, 4294967296]}',
];

Deno.test("detokenize refuses files that hold no tokens of the model", async () => {
  await inFolder(async (path) => {
    const tokens = path("tokens.json");
    const refuse = async (text: string) => {
      await Deno.writeTextFile(tokens, text);
      return await fail(1, "detokenize", MODEL, tokens, "-o", path("out.png"));
    };
    for (const text of NO_TOKENS) assertStringIncludes(await refuse(text), `Cannot read tokens from ${tokens}`);
    assertStringIncludes(await refuse('{"shape": [1, 1, 2], "indices": [1, 256]}'), "index 256 at position 1");
  });
});

Deno.test("DEBUG shows errors in full", async () => {
  const { code, stderr } = await cli(["info", "/nowhere"], { DEBUG: "1" });
  assertEquals(code, 1);
  assertMatch(stderr, /HubError: .*\n +at /);
});

Deno.test("info shows what a model is", async () => {
  const [engine, ...lines] = (await succeed("info", MODEL)).split("\n");
  assertMatch(engine, /^engine {8}\w+, float32$/);
  assertEquals(lines.slice(0, 6), [
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

Deno.test("bytes are numbers with or without a unit", () => {
  const amounts = { "1.5e9": 1.5e9, "10b": 10, "0.5kB": 500, "512MB": 512e6, "2 gib": 2 ** 31, "1TiB": 2 ** 40 };
  for (const [text, bytes] of Object.entries(amounts)) {
    assertMatch(text, BYTES);
    assertEquals(bytesOf(text), bytes);
  }
  for (const text of ["", "0", "0.0GB", "-1", "512M", "1ib", "GB", "1e", "1,5GB", "1GB "]) {
    assert(!BYTES.test(text), text);
  }
});

Deno.test("what takes more than two seconds shows how far it is, and leaves the line empty", async () => {
  const shown: string[] = [];
  const { now } = performance;
  let clock = 0;
  performance.now = () => clock;
  try {
    const result = await showComputing("Tokenizing", ({ onProgress }) => {
      for (const done of [1, 2, 3, 4, 5, 6]) {
        clock += 500;
        onProgress!(done, 6);
      }
      return Promise.resolve("tokens");
    }, (text) => void shown.push(text));
    assertEquals(result, "tokens");
  } finally {
    performance.now = now;
  }
  assertEquals(shown, ["Tokenizing 83%", "Tokenizing 100%", ""]);
});

Deno.test("pictures may be URLs", async () => {
  assertEquals(await sizeOf(new URL(LYING, "file:").href), await sizeOf(LYING));
  const small = (await Deno.readFile(LYING)).toBase64();
  assertEquals(await sizeOf(`data:image/jpeg;base64,${small}`), await sizeOf(LYING));
});

Deno.test("tokenize and detokenize give the picture that reconstruct gives", async () => {
  await inFolder(async (path) => {
    const said = await succeed("tokenize", MODEL, PICTURE, ...SIZE, "-o", path("tokens.json"));
    assertEquals(said, `Wrote ${path("tokens.json")}: 192 tokens, 16×12\n`);
    const { indices, codebook, ...rest } = JSON.parse(await Deno.readTextFile(path("tokens.json")));
    assertEquals(rest, { model: MODEL, picture: { width: 64, height: 48 }, shape: [1, 12, 16] });
    assertMatch(codebook, /^[0-9a-f]{64}$/);
    assertEquals(indices.length, 192);

    await succeed("detokenize", MODEL, path("tokens.json"), "-o", path("decoded.png"));
    await succeed("reconstruct", MODEL, PICTURE, ...SIZE, "-o", path("reconstructed.png"));
    assertEquals(await Deno.readFile(path("decoded.png")), await Deno.readFile(path("reconstructed.png")));

    const piped = await succeed("tokenize", MODEL, PICTURE, ...SIZE, "-o", "-");
    assertEquals(piped, await Deno.readTextFile(path("tokens.json")));
    const { code } = await cli(["detokenize", MODEL, "-", "-o", path("piped.png")], {}, piped);
    assertEquals(code, 0);
    assertEquals(await Deno.readFile(path("piped.png")), await Deno.readFile(path("decoded.png")));
  });
});

Deno.test("tokens go through every format, and come back as the picture", async () => {
  await inFolder(async (path) => {
    const decoded = async (tokens: string, ...args: string[]) => {
      await succeed("detokenize", MODEL, path(tokens), "-o", path("decoded.png"), ...args);
      return await Deno.readFile(path("decoded.png"));
    };
    const tokenize = (name: string, ...args: string[]) =>
      succeed("tokenize", MODEL, PICTURE, ...SIZE, "-o", path(name), ...args);
    await tokenize("tokens.json");
    const expected = await decoded("tokens.json");
    for (const name of ["tokens.npy", "tokens.npz", "tokens.safetensors", "tokens.pt", "tokens.PTH"]) {
      assertEquals(await tokenize(name), `Wrote ${path(name)}: 192 tokens, 16×12\n`);
      assertEquals(await decoded(name), expected, name);
    }
    const { indices } = JSON.parse(await Deno.readTextFile(path("tokens.json")));
    await Deno.writeTextFile(path("rows.json"), JSON.stringify([indices]));
    assertEquals(await decoded("rows.json", "--grid", "12x16"), expected);
    assertStringIncludes(await fail(1, "detokenize", MODEL, path("rows.json"), "-o", path("out.png")), "--grid HxW");

    const { size } = await Deno.stat(path("tokens.npy"));
    await tokenize("wide.npy", "--dtype", "float32,int64");
    await tokenize("wide.pt", "--dtype=int64");
    assertEquals((await Deno.stat(path("wide.npy"))).size - size, 7 * 192);
    assertEquals(await decoded("wide.npy"), expected);
    assertEquals(await decoded("wide.pt"), expected);
  });
});

Deno.test("formats, dtypes and models that tokens do not fit are refused", async () => {
  await inFolder(async (path) => {
    const none = path("no model");
    const tokenize = (name: string, ...args: string[]) => fail(1, "tokenize", none, PICTURE, "-o", path(name), ...args);
    assertStringIncludes(await tokenize("tokens.csv"), ".json, .npy, .npz, .safetensors, .pt, .pth");
    assertStringIncludes(await tokenize("tokens.pt", "--dtype", "uint16"), "a torch file takes uint8, int8, int16");
    assertStringIncludes(await tokenize("tokens.json", "--dtype", "uint8"), "JSON");
    assertEquals([...Deno.readDirSync(path("."))], []);

    await succeed("tokenize", MODEL, PICTURE, ...SIZE, "-o", path("tokens.npz"));
    const refused = await fail(1, "detokenize", AMUSED, path("tokens.npz"), "-o", path("out.png"));
    assertStringIncludes(refused, `they are of the model ${MODEL} with codebook`);
    assertStringIncludes(refused, `this is the model ${AMUSED} with codebook`);
  });
});

Deno.test("several pictures are one batch of tokens, and a batch several pictures", async () => {
  await inFolder(async (path) => {
    const tokens = path("tokens.npy");
    const said = await succeed("tokenize", MODEL, PICTURE, PICTURE, ...SIZE, "-o", tokens);
    assertEquals(said, `Wrote ${tokens}: 2 pictures, 384 tokens, 16×12\n`);
    const refused = await fail(1, "detokenize", MODEL, tokens, "-o", path("out.png"));
    assertStringIncludes(refused, "Put %d where their numbers go");
    const wrote = await succeed("detokenize", MODEL, tokens, "-o", path("out-%d.png"));
    assertEquals(wrote, `Wrote ${path("out-0.png")}: 64×48\nWrote ${path("out-1.png")}: 64×48\n`);
    assertEquals(await Deno.readFile(path("out-0.png")), await Deno.readFile(path("out-1.png")));
  });
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

Deno.test("a file that cannot be written whole leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const target = join(folder, "tokens.json");
    await writeWhole(target, "old");
    await writeWhole(target, "new");
    assertEquals(await Deno.readTextFile(target), "new");

    if (Deno.build.os !== "windows") {
      const link = `${folder}/link.json`;
      await Deno.symlink(target, link);
      await Deno.chmod(target, 0o600);
      await writeWhole(link, "newest");
      assertEquals(await Deno.readTextFile(target), "newest");
      assertEquals([(await Deno.lstat(link)).isSymlink, (await Deno.stat(target)).mode! & 0o777], [true, 0o600]);
      await Deno.remove(target);
      await checkWritable(link);
      await writeWhole(link, "again");
      assertEquals([(await Deno.lstat(link)).isSymlink, await Deno.readTextFile(target)], [true, "again"]);
      await Deno.remove(link);
      await checkWritable("/dev/null");
      await writeWhole("/dev/null", "nothing");
      assertEquals((await Deno.stat("/dev/null")).isCharDevice, true);
    }

    const long = `${folder}/${"y".repeat(250)}.json`;
    await writeWhole(long, "{}");
    await Deno.remove(long);
    await Deno.remove(target);
    await Deno.mkdir(target); // no file can take its place
    await assertRejects(() => writeWhole(target, "newer"));
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["tokens.json"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
