/** The still life as JPEG: pixels and tokens are the same as those of PIL. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { decodePicture, ImageProcessor, VQModel } from "../../../mod.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture, repository } from "../../support/paths.ts";

const STILL_LIFE = repository("examples/images/still-life.png");
const MODEL = repository("examples/models/leaves-f4");

/** Checks every JPEG of a folder that make_still_life.py wrote. */
async function checkFolder(folder: string): Promise<void> {
  const expected: Record<string, string> = JSON.parse(await Deno.readTextFile(join(folder, "expected.json")));
  assertEquals(Object.keys(expected).length, 18);
  for (const [name, hash] of Object.entries(expected)) {
    const { data } = await decodePicture(await Deno.readFile(join(folder, name)));
    const rgb = data.filter((_, i) => i % 4 !== 3);
    assertEquals(new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex(), hash, name);
  }
}

Deno.test("the center of the still life is read from JPEG as PIL reads it", async () => {
  await checkFolder(fixture("pictures/still-life"));
});

Deno.test("the whole still life is read from JPEG as PIL reads it, where PIL is", async () => {
  if (!await hasPil()) return await checkFolder(fixture("pictures/still-life")); // what was made with it stands in
  await withFolder(async (folder) => {
    await python(fixture("pictures/make_still_life.py"), STILL_LIFE, folder);
    await checkFolder(folder);
  });
});

Deno.test("a JPEG has the same tokens as its pixels", async () => {
  using model = await VQModel.fromPretrained(MODEL, { device: "wasm" });
  const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
  const file = await Deno.readFile(fixture("pictures/still-life/75-420.jpg"));
  const fromFile = await model.tokenize(await processor.preprocess(file));
  const fromPixels = await model.tokenize(await processor.preprocess(await decodePicture(file)));
  assertEquals(fromFile, fromPixels);
});

/** Debian's Python, which has Debian's packages, or another one. */
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
