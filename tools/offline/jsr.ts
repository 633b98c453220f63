/** Whether JSR can be reached: some machines that build and test this project reach npm only. */

const PATIENCE_MS = 10_000;

/** Asks Deno itself for every JSR package that deno.json names; packages in its cache count as reached. */
export async function jsrAnswers(): Promise<boolean> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const packages = Object.values<string>(imports).filter((specifier) => specifier.startsWith("jsr:"));
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--no-config", ...packages],
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).output();
    return success;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
