/** Models that are loaded in processes of their own. */
import { assertEquals } from "@std/assert";
import { repository } from "../../support/paths.ts";
import { IMPORT_MAP, printedBy, startDeno } from "../../support/processes.ts";
import type { Arguments, Outcome } from "./load_in_process.ts";

const SCRIPT = repository("tests/model/pretrained/load_in_process.ts");

/** Loads a model with no more permissions than these. All that is printed is the script's one line: the library is silent. */
export async function outcomeOf(
  permissions: readonly string[],
  args: Arguments,
): Promise<Outcome & { error?: string }> {
  const env = { XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" }; // Mesa warns where it is not set
  const flags = ["run", "--no-prompt", "--quiet", IMPORT_MAP, ...permissions];
  const printed = await printedBy(startDeno([...flags, SCRIPT, JSON.stringify(args)], { env }));
  const lines = printed.split("\n");
  assertEquals(lines.length, 2, printed);
  return JSON.parse(lines[0]);
}
