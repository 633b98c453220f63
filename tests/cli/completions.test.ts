/** Completions of shells. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../cli/commands.ts";
import { completions } from "../../cli/completions.ts";
import { nameOf } from "../../cli/arguments.ts";
import { printedBy, start } from "../support/processes.ts";
import { fail, inFolder, succeed } from "./command.ts";

/** What bash offers for the last of some words. */
async function offered(...words: string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${completions("bash", COMMANDS)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _vqmodel; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await printedBy(start("bash", ["-c", script]))).split("\n").filter(Boolean);
}

Deno.test("bash completes commands, options and their values, and files", async () => {
  assertEquals(await offered("vqmodel", "det"), ["detokenize"]);
  assertEquals(await offered("vqmodel", "cache", ""), ["list", "verify", "remove"]);
  assertEquals(await offered("vqmodel", "cache", "remove", "--y"), ["--yes"]);
  assertEquals(await offered("vqmodel", "tokenize", "MODEL", "--cr"), ["--crop"]);
  assertEquals(await offered("vqmodel", "tokenize", "MODEL", "--crop", "c"), ["center"]);
  assertEquals(await offered("vqmodel", "info", "--side"), []);
  assertEquals(await offered("vqmodel", "info", "deno.jso"), ["deno.json"]);
  await inFolder(async (path) => {
    await Deno.writeTextFile(path("two words.png"), "");
    assertEquals(await offered("vqmodel", "info", path("two")), [path("two words.png")]);
  });
});

Deno.test("every shell knows every command and option", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = completions(shell, COMMANDS);
    assertEquals(await succeed("--completions", shell), `${script}\n`);
    for (const command of COMMANDS) {
      for (const word of nameOf(command).split(" ")) assertStringIncludes(script, word);
      for (const option of command.options) assertStringIncludes(script, option);
    }
    assert(!script.includes("undefined"));
  }
  assertStringIncludes(await fail(2, "--completions", "tcsh"), '--completions takes bash, zsh or fish, found "tcsh"');
  assertStringIncludes(await fail(2, "--completions"), "found nothing");
});
