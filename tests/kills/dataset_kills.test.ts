/**
 * Runs of `tokenize` that are killed: whatever the moments, the same command in the end makes what an undisturbed run makes.
 * A few are killed, or a third of `KILLS`; `SEED` says when.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { contentOf, writePictures } from "../datasets/pictures.ts";
import { startTokenize, waitFor } from "../datasets/processes.ts";
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
        const started = output === "out" ? join(out, "manifest.json") : `${out}.manifest.json`;
        for (let kill = 0; kill < KILLS; kill++) {
          const child = startTokenize(pictures, out);
          await waitFor(started);
          await new Promise((resolve) => setTimeout(resolve, random() * (kill % 2 ? 2000 : 400)));
          child.kill("SIGKILL");
          await child.output();
        }
        assertEquals((await outputOf(startTokenize(pictures, out))).code, 3);
        assertEquals((await outputOf(startTokenize(pictures, join(folder, "whole", output)))).code, 3);
        assertEquals(await contentOf(join(folder, "killed")), await contentOf(join(folder, "whole")));
      });
    },
  );
}
