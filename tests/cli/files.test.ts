import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { checkWritable, writeWhole } from "../../cli/files.ts";

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
