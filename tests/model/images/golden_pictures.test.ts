/** Picture files, with the size and SHA-256 of the RGB bytes that PIL reads of them. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { decodePicture, type Picture } from "../../../model/images/mod.ts";
import { fixture } from "../../support/paths.ts";

interface Expected {
  readonly width: number;
  readonly height: number;
  readonly sha256: string;
}

/** Files of all kinds, and progressive JPEGs that end early, which make_early_jpegs.py wrote. */
for (const folder of ["golden", "early"]) {
  const base = fixture(`pictures/${folder}`);
  const all: Record<string, Expected> = JSON.parse(Deno.readTextFileSync(join(base, "expected.json")));
  for (const [name, expected] of Object.entries(all)) {
    Deno.test(`${folder}/${name} is read bit for bit as PIL reads it`, async () => {
      const picture = await decodePicture(Deno.readFileSync(join(base, name)));
      const { width, height } = picture;
      assertEquals({ width, height, sha256: await sha256OfRgb(picture) }, expected);
    });
  }
}

async function sha256OfRgb({ data }: Picture): Promise<string> {
  const rgb = data.filter((_, i) => i % 4 !== 3);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex();
}
