/**
 * Formats the AssemblyScript sources, or with `--check` fails if they are not formatted.
 *
 *     deno run -A tools/format_assembly.ts [--check]
 *
 * `deno fmt` refuses decorators before functions, so they are turned into comments for it.
 *
 * @module
 */

const FOLDERS = ["kernels/wasm/assembly", "model/images/wasm/assembly"];
const ROOT = new URL("../", import.meta.url);

/** The paths of the sources below a folder. */
function sourcesBelow(folder: string): string[] {
  return Array.from(Deno.readDirSync(new URL(folder, ROOT))).flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? sourcesBelow(path) : [path];
  });
}

/** A source as `deno fmt` formats it. */
async function format(text: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=ts", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  });
  const process = command.spawn();
  const output = process.output();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text.replace(/^@(\w+)$/gm, "// @$1")));
  await writer.close();
  const { success, stdout } = await output;
  if (!success) throw new Error("Cannot format the sources: see above");
  return new TextDecoder().decode(stdout).replace(/^\/\/ @(\w+)$/gm, "@$1");
}

const isCheck = Deno.args.includes("--check");
const unformatted: string[] = [];
for (const path of FOLDERS.flatMap(sourcesBelow)) {
  const file = new URL(path, ROOT);
  const text = Deno.readTextFileSync(file), formatted = await format(text);
  if (text === formatted) continue;
  unformatted.push(path);
  if (!isCheck) Deno.writeTextFileSync(file, formatted);
}
if (isCheck && unformatted.length > 0) {
  throw new Error(`Not formatted: ${unformatted.join(", ")}; run \`deno task format\``);
}
