import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { decodePicture } from "../../mod.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const LYING = new URL("../fixtures/pictures/golden/jpeg-exif-6.jpg", import.meta.url);

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the task as its own caller would, where no graphics driver finds the variable it looks for. */
async function demo(cwd: string, ...args: string[]): Promise<Result> {
  const { XDG_RUNTIME_DIR: _, INIT_CWD: __, ...env } = Deno.env.toObject(); // a task that tests has set the latter
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", CONFIG, "demo", ...args],
    cwd,
    clearEnv: true,
    env: { ...env, NO_COLOR: "1" },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("the demo reads a picture of the caller's folder upright, and writes there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.copyFile(LYING, join(folder, "lying.jpg"));
    const { code, stdout, stderr } = await demo(folder, "lying.jpg", "out.png");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const [, width, height] = /picture +(\d+) × (\d+)/.exec(stdout)!.map(Number);
    const upright = await decodePicture(await Deno.readFile(LYING));
    assertEquals([width, height], [upright.width, upright.height].map((side) => side - side % 4));
    assertEquals((await decodePicture(await Deno.readFile(join(folder, "out.png")))).height, height);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a demo that fails says why in one line that names the file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "words.png"), "no picture");
    for (const args of [["missing.png"], ["words.png"], [fromFileUrl(LYING), join("nowhere", "out.png")]]) {
      const { code, stdout, stderr } = await demo(folder, ...args);
      assertEquals({ code, stdout }, { code: 1, stdout: "" });
      assertMatch(stderr, /^error: [^\n]*\n$/);
      assertStringIncludes(stderr, join(await Deno.realPath(folder), args.at(-1)!));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
