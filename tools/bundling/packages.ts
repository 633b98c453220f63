/** The npm packages of deno.json in a `node_modules` folder, where bundlers look for them. */
import { join } from "node:path";

const CONFIG = new URL("../../deno.json", import.meta.url);
const NPM = /^npm:\/?((?:@[^/]+\/)?[^@/]+)@([^/]+)/;

/** Each npm package that the library uses, with its version in deno.json. */
export async function npmPackages(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(CONFIG)) as { imports: Record<string, string> };
  const found = Object.values(imports).map((specifier) => NPM.exec(specifier)).filter((match) => match !== null);
  return Object.fromEntries(found.map(([, name, version]) => [name, version]));
}

/** Installs packages below a folder from Deno's cache, and returns the path of its `node_modules`. */
export async function installPackages(folder: string, packages?: Record<string, string>): Promise<string> {
  const dependencies = packages ?? await npmPackages();
  const manifest = { private: true, sideEffects: false, dependencies };
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(manifest));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet"],
    cwd: folder,
  }).output();
  if (!success) throw new Error(`deno install failed: ${new TextDecoder().decode(stderr)}`);
  return join(folder, "node_modules");
}
