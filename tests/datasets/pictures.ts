/** Data sets that tests make. */
import { join } from "@std/path";
import { Picture } from "../../mod.ts";
import { repository } from "../support/paths.ts";

/** The bundled model. */
export const LEAVES = repository("examples/models/leaves-f4");

/** A picture that no other number has. */
export function numbered(number: number, side = 32): Uint8Array<ArrayBuffer> {
  const data = new Uint8ClampedArray(4 * side * side);
  for (let i = 0; i < data.length; i += 4) {
    const [x, y] = [i / 4 % side, Math.floor(i / 4 / side)];
    data.set([(number * 37 + x * 5) % 256, (number * 91 + y * 7) % 256, (x * y + number * 13) % 256, 255], i);
  }
  return new Picture(side, side, data).encode("png");
}

/** What no picture begins with. */
export const CORRUPT = new TextEncoder().encode("this is no picture");

/** Writes pictures `000.png`, `001.png`, … into a folder; those that are named are corrupt. */
export async function writePictures(
  folder: string,
  count: number,
  { side, corrupt = [] }: { side?: number; corrupt?: readonly number[] } = {},
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    const name = `${`${i}`.padStart(3, "0")}.png`;
    await Deno.writeFile(join(folder, name), corrupt.includes(i) ? CORRUPT : numbered(i, side));
  }
}

/** The names of all files in a folder, and their content in hexadecimal. */
export async function contentOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (!isDirectory) content[name] = (await Deno.readFile(path)).toHex();
    else for (const [inner, bytes] of Object.entries(await contentOf(path))) content[`${name}/${inner}`] = bytes;
  }
  return Object.fromEntries(Object.entries(content).sort(([a], [b]) => a < b ? -1 : 1));
}
