/**
 * Builds the playground into a folder that any web server can serve, also below its root.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

const HERE = new URL("./", import.meta.url);
/** Modules that the page starts: in the page, in a worker, and as service worker. */
const ENTRIES = ["main.ts", "engine/worker.ts", "service_worker.ts"];
/** What is copied, with its place in the site. */
const COPIES = {
  "index.html": "index.html",
  "style.css": "style.css",
  "icon.svg": "icon.svg",
  "../images/still-life.png": "images/still-life.png",
  "../images/close-up.png": "images/close-up.png",
  "../models/leaves-f4/config.json": "models/leaves-f4/config.json",
  "../models/leaves-f4/diffusion_pytorch_model.safetensors": "models/leaves-f4/diffusion_pytorch_model.safetensors",
};

/**
 * Builds the site in place of what is in the folder.
 *
 * @param flags further flags of `deno bundle`, such as an import map
 */
export async function buildSite(folder: URL, flags: readonly string[] = []): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await bundle(folder, flags);
  for (const [from, to] of Object.entries(COPIES)) {
    const place = new URL(to, folder);
    await Deno.mkdir(new URL(".", place), { recursive: true });
    await Deno.copyFile(new URL(from, HERE), place);
  }
}

async function bundle(folder: URL, flags: readonly string[]): Promise<void> {
  const args = ["bundle", "--quiet", "--platform=browser", "--code-splitting", "--minify", ...flags];
  args.push(`--outdir=${fromFileUrl(folder)}`, ...ENTRIES.map((entry) => fromFileUrl(new URL(entry, HERE))));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
  if (!success) throw new Error(`Cannot bundle the playground: ${new TextDecoder().decode(stderr)}`);
}
