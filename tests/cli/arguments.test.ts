/** Arguments of the command line, and errors about wrong ones. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import deno from "../../deno.json" with { type: "json" };
import { cli, fail, inFolder, MODEL, PICTURE, SIZE, succeed } from "./command.ts";

Deno.test("--help lists the commands, and after a command its options", async () => {
  const top = await succeed("--help");
  for (const name of ["info", "reconstruct", "tokenize", "detokenize", "profile", "convert"]) {
    assertStringIncludes(top, `\n  ${name} MODEL`);
  }
  assertEquals(await succeed("-h"), top);
  for (const name of ["info", "reconstruct", "tokenize", "detokenize", "profile", "convert"]) {
    const help = await succeed(name, "--help");
    assertStringIncludes(help, `/cli ${name} MODEL`);
    assertStringIncludes(help, "\n  --device NAME");
    const options = help.slice(help.indexOf("Options:"));
    for (const line of options.split("\n")) assert(line.length <= 80, line);
    assertEquals(help.includes("--side-by-side"), name === "reconstruct");
  }
});

Deno.test("--help after a group of commands describes them all", async () => {
  for (const [group, names] of [["cache", ["list", "verify", "remove"]], ["queue", ["status", "drain"]]] as const) {
    for (const flag of ["--help", "-h"]) {
      const text = await succeed(group, flag);
      for (const name of names) assertStringIncludes(text, `/cli ${group} ${name}`);
    }
  }
});

Deno.test("--version prints the version", async () => {
  assertEquals(await succeed("--version"), `${deno.version}\n`);
});

const MISUSES: [args: string[], message: string][] = [
  [
    [],
    "no command: expected info, reconstruct, tokenize, detokenize, stats, verify, merge, codes, profile, convert, worker, ",
  ],
  [["toString"], 'unknown command "toString": expected info, '],
  [["tokenise"], 'unknown command "tokenise": did you mean tokenize?'],
  [["cache"], "no command of cache: expected cache list, cache verify, cache remove or --help"],
  [["cache", "lst"], 'unknown command "cache lst": did you mean cache list?'],
  [["cache", "list", "more"], 'unexpected "more": expected cache list'],
  [["cache", "list", "--jsn"], "Unknown option '--jsn': did you mean --json?"],
  [["cache", "remove", "--all"], "Unknown option '--all': see cache remove --help"],
  [["info"], "missing MODEL: expected info MODEL"],
  [["reconstruct"], "missing MODEL and PICTURE"],
  [["info", MODEL, "more"], 'unexpected "more"'],
  [["info", MODEL, "more\x1b[2J"], 'unexpected "more\\x1b[2J"'],
  [["info", MODEL, "more".repeat(5000)], "moremore…\n"],
  [["info", MODEL, "--side-by-side"], "Unknown option '--side-by-side': see info --help\n"],
  [["reconstruct", MODEL, PICTURE, "--range", "-1,0"], '--range takes "-1,1" or "0,1", found "-1,0"'],
  [["reconstruct", MODEL, PICTURE, "--width", "1e3"], '--width takes a whole number ≥ 1, found "1e3"'],
  [
    ["reconstruct", MODEL, PICTURE, "--crop", "middle"],
    '--crop takes "center", "adm", "fill" or "none", found "middle"',
  ],
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
  [["tokenize", MODEL, PICTURE, "--memory_limit=1GB"], "Unknown option '--memory_limit': did you mean --memory-limit?"],
  [["tokenize", MODEL, PICTURE, "--heigth", "64"], "Unknown option '--heigth': did you mean --height?"],
  [["profile", MODEL, "--size", "100000"], "--size takes at most 16384, found 100000"],
  [["reconstruct", MODEL, PICTURE, "--height"], "'--height <value>' argument missing"],
  [["reconstruct", MODEL, PICTURE, "--side-by-side"], "-o is needed"],
  [["tokenize", MODEL, PICTURE], "-o is needed"],
  [["detokenize", MODEL, PICTURE], "-o is needed"],
  [["tokenize", MODEL, PICTURE, "-o", ""], '--output takes a path, found ""'],
  [["tokenize", MODEL, PICTURE, "-o", "s1.log"], "-o takes a folder, or a file ending in .tar, .parquet, "],
  [["convert", MODEL], "-o is needed: the directory to write"],
  [["info", MODEL, "--dtype", "bf16"], '"float32" or "float16"'],
  [["info", MODEL, "--dtype", "uint8"], '"float32" or "float16"'],
  [["tokenize", MODEL, PICTURE, "--dtype", "uint8,float16"], '"uint8" to "int64" for the file, as in "float16,int64"'],
  [["detokenize", MODEL, PICTURE, "--grid", "16"], '--grid takes rows and columns such as 16x24, found "16"'],
  [["info", MODEL, "--device", "abacus"], '--device takes "auto", "webgpu" or "wasm", found "abacus"'],
];

Deno.test("wrong arguments are one line and exit code 2", async () => {
  for (const [args, message] of MISUSES) assertStringIncludes(await fail(2, ...args), message);
});

Deno.test("failures are one line and exit code 1", async () => {
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

Deno.test("control characters in files and names do not reach the terminal", async () => {
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

Deno.test("an output that cannot be written is an error before anything is loaded, and no file is left there", async () => {
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

Deno.test("DEBUG shows errors in full", async () => {
  const { code, stderr } = await cli(["info", "/nowhere"], { DEBUG: "1" });
  assertEquals(code, 1);
  assertMatch(stderr, /HubError: .*\n +at /);
});
