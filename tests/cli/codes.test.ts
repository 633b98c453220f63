/** The sheet of codes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { decodePicture } from "../../mod.ts";
import { fail, inFolder, MODEL, succeed } from "./command.ts";

Deno.test("codes draws all codes of a model, or some", async () => {
  await inFolder(async (path) => {
    const sheet = path("sheet.png");
    assertEquals(await succeed("codes", MODEL, "--codes", "3-6", "-o", sheet), `Wrote ${sheet}: 4 codes, 33×33\n`);
    const { width, height } = await decodePicture(await Deno.readFile(sheet));
    assertEquals([width, height], [33, 33]);
    for (const codes of ["6-3", "3", "-1-2"]) await fail(2, "codes", MODEL, `--codes=${codes}`, "-o", sheet);
    assertStringIncludes(
      await fail(2, "codes", MODEL, "--codes", "250-256", "-o", sheet),
      '--codes takes codes of the model, 0-255, found "250-256"',
    );
  });
});
