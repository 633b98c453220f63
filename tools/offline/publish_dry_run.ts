// deno-lint-ignore-file no-console
/**
 * `deno publish --dry-run`, with or without JSR. Publishing ignores import maps, so this works on a copy of the package
 * whose deno.json links stand-ins for the packages of JSR where JSR cannot be reached. Fails if publishing would.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { jsrAnswers } from "./jsr.ts";

const PACKAGE_LIMIT = 20e6;
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = await Deno.makeTempDir({ prefix: "vqmodel-publish-" });
const copy = join(folder, "package");
try {
  Deno.exitCode = await dryRun();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function dryRun(): Promise<number> {
  const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  let bytes = 0;
  for (const entry of config.publish.include) bytes += await copyInto(join(root, entry), join(copy, entry));
  if (bytes > PACKAGE_LIMIT) {
    console.error(`The package has ${bytes} bytes, more than the ${PACKAGE_LIMIT} that JSR takes`);
    return 1;
  }
  if (!await jsrAnswers()) config.links = await Promise.all(["path", "assert"].map(standIn));
  await Deno.writeTextFile(join(copy, "deno.json"), JSON.stringify(config));
  const args = ["publish", "--dry-run", "--allow-dirty"];
  return (await new Deno.Command(Deno.execPath(), { args, cwd: copy }).spawn().status).code;
}

/** Copies a file or a folder; returns its size in bytes. */
async function copyInto(from: string, to: string): Promise<number> {
  const { isDirectory, size } = await Deno.stat(from);
  if (!isDirectory) {
    await Deno.mkdir(dirname(to), { recursive: true });
    await Deno.copyFile(from, to);
    return size;
  }
  let bytes = 0;
  for await (const { name } of Deno.readDir(from)) bytes += await copyInto(join(from, name), join(to, name));
  return bytes;
}

/** Makes a package `@std/NAME` of the stand-in of that name, beside the copy; returns the link to it. */
async function standIn(name: string): Promise<string> {
  const config = { name: `@std/${name}`, version: "1.999.0", exports: "./mod.ts" };
  await copyInto(join(root, "tools/offline", `${name}.ts`), join(folder, name, "mod.ts"));
  await Deno.writeTextFile(join(folder, name, "deno.json"), JSON.stringify(config));
  return `../${name}`;
}
