/** Runs of `vqmodel detokenize` that are interrupted, fail in part, or say how far they are. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { outputOf, start } from "../support/processes.ts";
import { withFolder } from "../support/folders.ts";
import { testOnUnix } from "../support/systems.ts";
import { contentOf } from "./pictures.ts";
import { DETOKENIZE, startDetokenize, waitFor, writeTokenLines } from "./processes.ts";

testOnUnix("Ctrl-C ends a run in the middle with exit code 130, and the same command goes on", async () => {
  await withFolder(async (folder) => {
    const [tokens, out] = [join(folder, "t.jsonl"), join(folder, "out")];
    await writeTokenLines(tokens, 40, { corrupt: [3] });
    const child = startDetokenize(tokens, out);
    await waitFor(join(out, "p5.png"));
    child.kill("SIGINT");
    const { code, stdout, stderr } = await outputOf(child);
    assertEquals({ code, stdout }, { code: 130, stdout: "" });
    assertMatch(stderr, /^error: interrupted: \d+ pictures finished\. Run the same command again to go on\n$/);

    assertEquals((await outputOf(startDetokenize(tokens, out))).code, 3);
    assertEquals((await outputOf(startDetokenize(tokens, join(folder, "ref")))).code, 3);
    assertEquals(await contentOf(out), await contentOf(join(folder, "ref")));
  });
});

testOnUnix("a second run into the same place is refused while the first one lasts", async () => {
  await withFolder(async (folder) => {
    const [tokens, out] = [join(folder, "t.jsonl"), join(folder, "out.tar")];
    await writeTokenLines(tokens, 12);
    const first = startDetokenize(tokens, out);
    await waitFor(`${out}.manifest.json`);
    first.kill("SIGSTOP");
    const { code, stderr } = await outputOf(startDetokenize(tokens, out));
    assertEquals(code, 1);
    assertStringIncludes(stderr, `Cannot write pictures to ${out}: another run is writing there`);
    first.kill("SIGKILL");
    await first.output();
    assertEquals((await outputOf(startDetokenize(tokens, out))).code, 0);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 3);
  });
});

testOnUnix("a full disk is a clear error, and the same command goes on", async () => {
  await withFolder(async (folder) => {
    const [tokens, out] = [join(folder, "t.jsonl"), join(folder, "out.tar")];
    await writeTokenLines(tokens, 30);
    const args = [...DETOKENIZE, tokens, "-o", out];
    // A limit of the size of files, in blocks of 512 or 1024 bytes, stands for a disk that is full.
    const limited = 'trap "" XFSZ; ulimit -f 24; exec "$@"';
    const { code, stderr } = await outputOf(start("bash", ["-c", limited, "bash", Deno.execPath(), ...args]));
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^error: Cannot write .*out\.tar: .*[Ff]ile too large.*run the same command again\n$/);
    const rest = await outputOf(startDetokenize(tokens, out, "--json"));
    assertEquals(rest.code, 0);
    assertEquals(JSON.parse(rest.stdout.trim().split("\n").at(-1)!).newPictures, 0);
  });
});

Deno.test("records that fail are listed, with exit code 3, as text, as JSON or quietly", async () => {
  await withFolder(async (folder) => {
    const tokens = join(folder, "t.jsonl");
    await writeTokenLines(tokens, 5, { corrupt: [1, 4] });
    const run = async (name: string, ...options: string[]) => {
      const { code, stdout, stderr } = await outputOf(startDetokenize(tokens, join(folder, name), ...options));
      assertEquals([code, stderr], [3, `error: 2 of 5 records failed: see ${join(folder, name)}${lists[name]}\n`]);
      return stdout;
    };
    const lists: Record<string, string> = { a: "/failures.jsonl", "b.tar": ".failures.jsonl", c: "/failures.jsonl" };
    assertEquals(await run("a"), `Wrote ${join(folder, "a")}: 3 pictures\n`);
    const { status, pictures, failures, newTokens } = JSON.parse(
      (await run("b.tar", "--json")).trim().split("\n").at(-1)!,
    );
    assertEquals([status, pictures, failures, newTokens], ["done", 3, 2, 192]);
    assertEquals(await run("c", "--quiet"), "");
    const lines = (await Deno.readTextFile(join(folder, "a/failures.jsonl"))).trimEnd().split("\n");
    assertEquals(lines.map((line) => JSON.parse(line).key), ["line 2", "line 5"]);
    assertEquals(await Deno.readTextFile(join(folder, "b.tar.failures.jsonl")), `${lines.join("\n")}\n`);
    assert(JSON.parse(lines[0]).reason.length > 10);
  });
});
