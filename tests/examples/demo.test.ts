import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { decodePicture } from "../../mod.ts";
import { withFolder } from "../support/folders.ts";
import { fixture, repository } from "../support/paths.ts";
import { type Output, outputOf, startDeno } from "../support/processes.ts";

const CONFIG = repository("deno.json");
const LYING = fixture("pictures/golden/jpeg-exif-6.jpg");

/** Runs the task like a user, without the environment variable of the software graphics driver. */
async function demo(cwd: string, ...args: string[]): Promise<Output> {
  const { XDG_RUNTIME_DIR: _, INIT_CWD: __, ...env } = Deno.env.toObject(); // a task that tests has set the latter
  const task = ["task", "--quiet", "--config", CONFIG, "demo", ...args];
  return await outputOf(startDeno(task, { cwd, clearEnv: true, env }));
}

Deno.test("the demo reads a picture in the caller's folder upright, and writes there", async () => {
  await withFolder(async (folder) => {
    await Deno.copyFile(LYING, join(folder, "lying.jpg"));
    const { code, stdout, stderr } = await demo(folder, "lying.jpg", "out.png");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const [, width, height] = /picture +(\d+) × (\d+)/.exec(stdout)!.map(Number);
    const upright = await decodePicture(await Deno.readFile(LYING));
    assertEquals([width, height], [upright.width, upright.height].map((side) => side - side % 4));
    assertEquals((await decodePicture(await Deno.readFile(join(folder, "out.png")))).height, height);
  });
});

Deno.test("a demo that fails prints one line with the reason and the file", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "words.png"), "no picture");
    for (const args of [["missing.png"], ["words.png"], [LYING, join("nowhere", "out.png")]]) {
      const { code, stdout, stderr } = await demo(folder, ...args);
      assertEquals({ code, stdout }, { code: 1, stdout: "" });
      assertMatch(stderr, /^error: [^\n]*\n$/);
      assertStringIncludes(stderr, join(await Deno.realPath(folder), args.at(-1)!));
    }
  });
});
