// deno-lint-ignore-file no-console
/** A process that loads a model: `load_in_process.ts OPTIONS-AS-JSON`. Prints what happened, as JSON. */
import { openHubModel } from "../../hub/mod.ts";

const events: string[] = [];
const { repo, ...options } = JSON.parse(Deno.args[0]);
try {
  const { weights, commit } = await openHubModel(repo, { ...options, onProgress: ({ status }) => events.push(status) });
  const values = await weights.read("a");
  await weights.close();
  console.log(JSON.stringify({ commit, length: values.length, events: [...new Set(events)] }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
}
