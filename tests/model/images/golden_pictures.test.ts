/** Picture files, with the size and SHA-256 of the RGB bytes that PIL reads of them. */
import { assertEquals } from "@std/assert";
import { decodePicture, type Picture } from "../../../model/images/picture.ts";

const FOLDER = new URL("../../fixtures/pictures/golden/", import.meta.url);
const EXPECTED: Record<string, { width: number; height: number; sha256: string }> = JSON.parse(
  Deno.readTextFileSync(new URL("expected.json", FOLDER)),
);

for (const [name, expected] of Object.entries(EXPECTED)) {
  Deno.test(`${name} is read bit for bit as PIL reads it`, async () => {
    const picture = await decodePicture(Deno.readFileSync(new URL(name, FOLDER)));
    const { width, height } = picture;
    assertEquals({ width, height, sha256: await sha256OfRgb(picture) }, expected);
  });
}

async function sha256OfRgb({ data }: Picture): Promise<string> {
  const rgb = data.filter((_, i) => i % 4 !== 3);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex();
}
