/** Temporary folders. */
import { dirname, join } from "@std/path";

/** A new temporary folder by its real path: on macOS the usual one leads through a link, on Windows it may be shortened. */
export async function makeFolder(): Promise<string> {
  return await Deno.realPath(await Deno.makeTempDir());
}

/** Does something in an empty folder, which is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes files, by path, into a folder. */
export async function writeFiles(folder: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.writeFile(join(folder, path), bytes);
  }
}
