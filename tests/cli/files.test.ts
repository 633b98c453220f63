import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { checkWritable } from "../../cli/files.ts";
import { withFolder } from "../support/folders.ts";

Deno.test("checking whether a file can be written leaves files, links and devices as they were", () =>
  withFolder(async (folder) => {
    const names = () => Array.from(Deno.readDirSync(folder), ({ name }) => name);
    const target = join(folder, "tokens.json");
    await checkWritable(target);
    assertEquals(names(), []);
    await Deno.writeTextFile(target, "old");
    await checkWritable(target);
    assertEquals([await Deno.readTextFile(target), names()], ["old", ["tokens.json"]]);
    await Deno.remove(target);

    if (Deno.build.os !== "windows") {
      await Deno.symlink(target, join(folder, "link.json"));
      await checkWritable(join(folder, "link.json"));
      assertEquals(names(), ["link.json"]);
      await checkWritable("/dev/null");
    }
    for (const path of [folder, join(folder, "none/tokens.json"), join(folder, "n".repeat(300))]) {
      await assertRejects(() => checkWritable(path), TypeError, `Cannot write ${path}: `);
    }
  }));

Deno.test("commands that write to one place check it at the same time", () =>
  withFolder(async (folder) => {
    await Promise.all(Array.from({ length: 50 }, () => checkWritable(join(folder, "tokens.json"))));
  }));
