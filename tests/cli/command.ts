/** Running the command line in processes of its own. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { withFolder } from "../support/folders.ts";
import { fixture, repository } from "../support/paths.ts";
import { type Output, outputOf, startDeno } from "../support/processes.ts";

/** A model that decodes latents. */
export const MODEL = fixture("golden/tiny-f4");
/** A model that looks codes up. */
export const AMUSED = fixture("golden/tiny-amused");
export const PICTURE = fixture("golden/image-processor/photo.png");
/** A picture whose EXIF data turns it by 90 degrees. */
export const LYING = fixture("pictures/golden/jpeg-exif-6.jpg");
/** Small, so that a run is quick: 16×12 tokens. The picture's own sides are ten times as long. */
export const SIZE = ["--width", "64", "--height=48"];

/** Runs the command line in a process of its own, where no graphics driver finds the variable it looks for. */
export async function cli(args: readonly string[], env: Record<string, string> = {}, input = ""): Promise<Output> {
  const child = startDeno(["run", "-A", "--deny-ffi", "--quiet", repository("cli.ts"), ...args], {
    env: { DEBUG: "", XDG_RUNTIME_DIR: "", ...env },
    stdin: "piped",
  });
  await new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}); // most commands do not read it
  return await outputOf(child);
}

/** What it prints where it succeeds. */
export async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}

/** The one line it says where it fails. */
export async function fail(code: number, ...args: string[]): Promise<string> {
  const result = await cli(args);
  assertEquals({ code: result.code, stdout: result.stdout }, { code, stdout: "" });
  assertMatch(result.stderr, /^error: .*\n$/);
  return result.stderr;
}

/** Runs a test in a fresh folder, which must hold nothing unfinished at the end. */
export async function inFolder(run: (path: (name: string) => string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await run((name) => join(folder, name));
    assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".part")), []);
  });
}
