/** The package that `deno task build` writes. */
import { join } from "@std/path";
import { modulesOf, read } from "../support/checkout.ts";
import { repository } from "../support/paths.ts";
import { IMPORT_MAP, printedBy, startDeno } from "../support/processes.ts";

const SOURCES = ["mod.ts", "hub", "kernels", "model", "datasets", "cli.ts", "cli", "tools"];

/** Builds the package, unless these sources were built before, and returns its folder. */
export async function buildDist(): Promise<string> {
  const name = `vqmodel-dist-${await hashOf([...modulesOf(...SOURCES), "deno.json", "README.md", "CHANGELOG.md"])}`;
  const dist = join(Deno.env.get("TMPDIR") ?? "/tmp", name);
  if (await Deno.stat(dist).then(() => true, () => false)) return dist;
  const fresh = await Deno.makeTempDir({ prefix: "vqmodel-dist-" });
  await printedBy(startDeno(["run", "--quiet", "-A", IMPORT_MAP, repository("tools/build/build.ts"), fresh]));
  await Deno.rename(fresh, dist).catch(() => Deno.remove(fresh, { recursive: true })); // another process was faster
  return dist;
}

async function hashOf(files: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(files.map(read).join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toHex();
}
