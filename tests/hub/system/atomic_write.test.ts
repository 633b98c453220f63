import { assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { writeAtomically } from "../../../hub/system/atomic_write.ts";
import { withFolder } from "../../support/folders.ts";
import { testOnUnix } from "../../support/systems.ts";

const namesIn = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name);

async function* chunks(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

Deno.test("writeAtomically writes text, bytes and chunks to paths and URLs", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.txt");
    await writeAtomically(path, "old");
    await writeAtomically(toFileUrl(path), Uint8Array.of(110, 101, 119));
    assertEquals(await Deno.readTextFile(path), "new");
    await writeAtomically(toFileUrl(path).href, chunks("new", "er"));
    assertEquals([await Deno.readTextFile(path), namesIn(folder)], ["newer", ["file.txt"]]);

    const long = join(folder, `${"y".repeat(250)}.json`);
    await writeAtomically(long, "{}");
    assertEquals(await Deno.readTextFile(long), "{}");
  }));

Deno.test("writeAtomically leaves the old file and nothing else where it fails", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file.txt");
    await writeAtomically(path, "old");
    async function* failing() {
      yield* chunks("half");
      assertEquals(await Deno.readTextFile(path), "old");
      throw new Error("no more");
    }
    await assertRejects(() => writeAtomically(path, failing()), Error, "no more");
    assertEquals([await Deno.readTextFile(path), namesIn(folder)], ["old", ["file.txt"]]);

    await assertRejects(() => writeAtomically(join(folder, "none/file.txt"), "new"), Error, "ENOENT");
    const occupied = join(folder, "folder");
    await Deno.mkdir(join(occupied, "inner"), { recursive: true });
    await assertRejects(() => writeAtomically(occupied, "new"), Error); // its code depends on the system
    assertEquals([namesIn(folder).sort(), namesIn(occupied)], [["file.txt", "folder"], ["inner"]]);
  }));

testOnUnix(
  "writeAtomically keeps links and permissions, and writes to devices directly",
  () =>
    withFolder(async (folder) => {
      const [path, link] = [join(folder, "file.txt"), join(folder, "link.txt")];
      await Deno.writeTextFile(path, "old", { mode: 0o600 });
      await Deno.symlink(path, link);
      await writeAtomically(link, "new");
      assertEquals(await Deno.readTextFile(path), "new");
      assertEquals([(await Deno.lstat(link)).isSymlink, (await Deno.stat(path)).mode! & 0o777], [true, 0o600]);

      await Deno.remove(path);
      await writeAtomically(link, "again");
      assertEquals([(await Deno.lstat(link)).isSymlink, await Deno.readTextFile(path)], [true, "again"]);

      await writeAtomically("/dev/null", "nothing");
      assertEquals((await Deno.stat("/dev/null")).isCharDevice, true);
    }),
);
