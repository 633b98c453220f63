// deno-lint-ignore-file no-console
/** Prints the flag that lets Deno do without JSR where JSR does not answer, and nothing where it does. */
import { jsrAnswers } from "./jsr.ts";

if (!await jsrAnswers()) console.log("--import-map=tools/offline/import_map.json");
