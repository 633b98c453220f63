/** Texts that are compared with committed files, so that a change shows in a diff. */
import { join } from "@std/path";

/**
 * Compares texts, by file name, with the files of a folder; returns what differs, one line each. With `--update` among the
 * arguments of the test run, writes the files instead and removes those without a text.
 */
export async function compareSnapshots(folder: string, texts: ReadonlyMap<string, string>): Promise<string[]> {
  if (Deno.args.includes("--update")) await writeFiles(folder, texts);
  const present = new Set((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name));
  const extra = [...present].filter((name) => !texts.has(name)).map((name) => `${name}: no kernel has this snapshot`);
  const different = await Promise.all([...texts].map(async ([name, text]) => {
    if (!present.has(name)) return [`${name}: there is no such snapshot`];
    const change = firstChange(await Deno.readTextFile(join(folder, name)), text);
    return change ? [`${name}:${change}`] : [];
  }));
  return [...extra, ...different.flat()];
}

async function writeFiles(folder: string, texts: ReadonlyMap<string, string>): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder);
  for (const [name, text] of texts) await Deno.writeTextFile(join(folder, name), text);
}

/** The number of the first line that differs, with both. */
function firstChange(expected: string, found: string): string | undefined {
  const [before, after] = [expected, found].map((text) => text.replaceAll("\r\n", "\n").split("\n"));
  const at = after.findIndex((line, i) => line !== before[i]);
  const i = at < 0 ? after.length : at;
  if (i === after.length && before.length === after.length) return undefined;
  return `${i + 1}: expected ${JSON.stringify(before[i])}, found ${JSON.stringify(after[i])}`;
}
