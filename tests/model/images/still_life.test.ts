/** The still life as JPEG gives the tokens of the pixels that PIL reads, for the pixels are the same. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { decodePicture, ImageProcessor, VQModel } from "../../../mod.ts";

const PICTURES = new URL("../../fixtures/pictures/", import.meta.url);
const STILL_LIFE = new URL("../../../examples/images/still-life.png", import.meta.url);
const MODEL = new URL("../../../examples/models/leaves-f4", import.meta.url);

/** Checks every JPEG of a folder that make_still_life.py wrote. */
async function checkFolder(folder: URL): Promise<void> {
  const expected: Record<string, string> = JSON.parse(await Deno.readTextFile(new URL("expected.json", folder)));
  assertEquals(Object.keys(expected).length, 18);
  for (const [name, hash] of Object.entries(expected)) {
    const { data } = await decodePicture(await Deno.readFile(new URL(name, folder)));
    const rgb = data.filter((_, i) => i % 4 !== 3);
    assertEquals(new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex(), hash, name);
  }
}

Deno.test("the middle of the still life is read from JPEG as PIL reads it", async () => {
  await checkFolder(new URL("still-life/", PICTURES));
});

Deno.test("the whole still life is read from JPEG as PIL reads it, where PIL is", async () => {
  if (!await hasPil()) return await checkFolder(new URL("still-life/", PICTURES)); // what was made with it stands in
  const folder = await Deno.makeTempDir();
  try {
    const script = fromFileUrl(new URL("make_still_life.py", PICTURES));
    await python(script, fromFileUrl(STILL_LIFE), folder);
    await checkFolder(new URL(`file://${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a JPEG has the tokens of its pixels", async () => {
  using model = await VQModel.fromPretrained(MODEL, { device: "wasm" });
  const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
  const file = await Deno.readFile(new URL("still-life/75-420.jpg", PICTURES));
  const fromFile = await model.tokenize(await processor.preprocess(file));
  const fromPixels = await model.tokenize(await processor.preprocess(await decodePicture(file)));
  assertEquals(fromFile, fromPixels);
});

/** Debian's Python, which has Debian's packages, or the one there is. */
async function python(...args: string[]): Promise<void> {
  const names = ["/usr/bin/python3", "python3"];
  for (const name of names) {
    const { success } = await new Deno.Command(name, { args, stderr: "null" }).output().catch(() => ({
      success: false,
    }));
    if (success) return;
  }
  throw new Error(`Cannot run ${args[0]}: expected one of ${names.join(", ")} with PIL`);
}

async function hasPil(): Promise<boolean> {
  return await python("-c", "import PIL").then(() => true, () => false);
}
