/**
 * Runs of `tokenize` and `detokenize` that are killed: whatever the moments, the same command in the end makes what an
 * undisturbed run makes.
 * A few are killed, or a third of `KILLS`; `SEED` says when.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { contentOf, writePictures } from "../datasets/pictures.ts";
import { startDetokenize, startTokenize, waitFor, writeTokenLines } from "../datasets/processes.ts";
import { withFolder } from "../support/folders.ts";
import { outputOf } from "../support/processes.ts";
import { testOnUnix } from "../support/systems.ts";
import { random } from "./random.ts";

const KILLS = Math.ceil(Number(Deno.env.get("KILLS") ?? 9) / 3);

for (const output of ["out", "out.tar"]) {
  testOnUnix(
    `a run that is killed while it writes ${output} is continued to what an undisturbed run makes`,
    async () => {
      await withFolder(async (folder) => {
        const pictures = join(folder, "pictures");
        await writePictures(pictures, 24, { side: 64, corrupt: [5] });
        for (const name of ["killed", "whole"]) await Deno.mkdir(join(folder, name));
        const out = join(folder, "killed", output);
        await killed(() => startTokenize([pictures], out), out);
        assertEquals((await outputOf(startTokenize([pictures], out))).code, 3);
        assertEquals((await outputOf(startTokenize([pictures], join(folder, "whole", output)))).code, 3);
        assertEquals(await contentOf(join(folder, "killed")), await contentOf(join(folder, "whole")));
      });
    },
  );

  testOnUnix(`pictures of tokens that are killed on their way to ${output} are continued in the same way`, async () => {
    await withFolder(async (folder) => {
      const tokens = join(folder, "tokens.jsonl");
      await writeTokenLines(tokens, 300, { corrupt: [5] });
      for (const name of ["killed", "whole"]) await Deno.mkdir(join(folder, name));
      const out = join(folder, "killed", output);
      await killed(() => startDetokenize(tokens, out), out);
      assertEquals((await outputOf(startDetokenize(tokens, out))).code, 3);
      assertEquals((await outputOf(startDetokenize(tokens, join(folder, "whole", output)))).code, 3);
      assertEquals(await contentOf(join(folder, "killed")), await contentOf(join(folder, "whole")));
    });
  });
}

/** Kills runs that write to a folder or file. */
async function killed(run: () => Deno.ChildProcess, out: string): Promise<void> {
  const started = out.endsWith(".tar") ? `${out}.manifest.json` : join(out, "manifest.json");
  for (let kill = 0; kill < KILLS; kill++) {
    const child = run();
    await waitFor(started);
    await new Promise((resolve) => setTimeout(resolve, random() * (kill % 2 ? 2000 : 400)));
    try {
      child.kill("SIGKILL");
    } catch {
      // it ended before
    }
    await child.output();
  }
}
