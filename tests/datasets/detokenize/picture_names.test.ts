/** The names of pictures that are made of tokens with any keys. */
import { assert, assertEquals } from "@std/assert";
import { picturesOfTar, savePictureArchive, savePictures } from "../../../datasets/mod.ts";
import { Picture } from "../../../mod.ts";
import { withFolder } from "../../support/folders.ts";
import { contentOf } from "../pictures.ts";
import { join } from "@std/path";

/** The names of files that pictures with these keys get, in their order. */
async function namesOf(keys: readonly string[]): Promise<string[]> {
  return await withFolder(async (folder) => {
    const pictures = keys.map((key, i) => {
      return { key, picture: new Picture(i + 1, 1, new Uint8ClampedArray(4 * (i + 1))) };
    });
    await savePictures(ReadableStream.from(pictures), join(folder, "safe/in"));
    const made = await contentOf(join(folder, "safe/in"));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["safe"]);
    assertEquals(Object.keys(made).length, keys.length);
    const widthOf = (hex: string) => parseInt(hex.slice(32, 40), 16);
    const names = new Map(Object.entries(made).map(([name, hex]) => [widthOf(hex), name.replace(/\.png$/, "")]));
    return pictures.map(({ picture }) => names.get(picture.width)!);
  });
}

const NAMES: [key: string, name: string][] = [
  ...[["a", "a"], ["a", "a-2"], ["a", "a-3"], ["a-2", "a-2-2"]] as [string, string][],
  ...[["../up", "__/up"], ["/root", "_/root"], ["", "_"], ["b/../../c", "b/__/__/c"]] as [string, string][],
  ...[["d//e", "d/_/e"], ["d/./e", "d/_/e-2"], ["c:\\d", "c__d"], ["a\0", "a_"], ["x\n", "x_"]] as [string, string][],
  ...[["what?*", "what__"], ["A", "A-4"], ["D/_/E", "D/_/E-3"], ["é", "é"], ["e\u0301", "e\u0301-2"]] as [
    string,
    string,
  ][],
  ...[["CON", "_CON"], ["con.x/nul", "_con.x/_nul"], ["lpt1", "_lpt1"], ["console", "console"]] as [string, string][],
  ...[["f./g", "f_/g"], ["f /h", "f_/h"], ["dot.", "dot."], ["a.png/b", "a.png_/b"]] as [string, string][],
  ...[["manifest.json/x", "manifest.json_/x"], [".unfinished/y", ".unfinished_/y"]] as [string, string][],
  ["\ud800", "\ufffd"],
];

Deno.test("keys become names of files that every system takes, all different, below the folder", async () => {
  assertEquals(await namesOf(NAMES.map(([key]) => key)), NAMES.map(([, name]) => name));
});

Deno.test("keys that are too long for a name are shortened, and differ as before", async () => {
  const long = "ä".repeat(400);
  const deep = Array(300).fill("folders").join("/");
  const names = await namesOf([`${long}1`, `${long}2`, `x/${long}/y`, deep, `${deep}/1`, `${"n".repeat(229)}1`]);
  assertEquals(new Set(names).size, names.length);
  assertEquals(names.at(-1), `${"n".repeat(229)}1`);
  for (const part of names.flatMap((name) => name.split("/"))) {
    assert(new TextEncoder().encode(`${part}-99999.png`).length <= 255, part);
    assert(!part.includes("\ufffd"));
  }
  assertEquals(names, await namesOf([`${long}1`, `${long}2`, `x/${long}/y`, deep, `${deep}/1`, `${"n".repeat(229)}1`]));
});

Deno.test("an archive of pictures has the same names", async () => {
  await withFolder(async (folder) => {
    const picture = new Picture(1, 1, new Uint8ClampedArray(4));
    const keys = ["a/b", "A/B", "../c"];
    const path = join(folder, "out.tar");
    await savePictureArchive(ReadableStream.from(keys.map((key) => ({ key, picture }))), path);
    const { readable } = await Deno.open(path);
    const names = (await Array.fromAsync(picturesOfTar(readable, path))).map(({ name }) => name.slice(path.length + 1));
    assertEquals(names, ["a/b.png", "A/B-2.png", "__/c.png"]);
  });
});
