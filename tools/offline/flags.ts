// deno-lint-ignore-file no-console
/** Prints the flag with which Deno needs no JSR, or nothing where JSR can be reached. */
import { jsrAnswers } from "./jsr.ts";

if (!await jsrAnswers()) console.log("--import-map=tools/offline/import_map.json");
