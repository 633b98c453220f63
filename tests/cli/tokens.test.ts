/** The commands `tokenize` and `detokenize`. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AMUSED, cli, fail, inFolder, MODEL, PICTURE, SIZE, succeed } from "./command.ts";

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
    const csv = await fail(2, "tokenize", none, PICTURE, "-o", path("tokens.csv"));
    assertStringIncludes(
      csv,
      "a folder, or a file ending in .tar, .parquet, .jsonl, .npy, .npz, .safetensors, .json, .pt",
    );
    assertStringIncludes(await tokenize("tokens.pt", "--dtype", "uint16"), "a torch file takes uint8, int8, int16");
    assertStringIncludes(await tokenize("tokens.json", "--dtype", "uint8"), "JSON");
    assertEquals([...Deno.readDirSync(path("."))], []);

    await succeed("tokenize", MODEL, PICTURE, ...SIZE, "-o", path("tokens.npz"));
    const refused = await fail(1, "detokenize", AMUSED, path("tokens.npz"), "-o", path("out.png"));
    assertStringIncludes(refused, `they belong to the model ${MODEL} with codebook`);
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
