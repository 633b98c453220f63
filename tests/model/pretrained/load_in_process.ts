// deno-lint-ignore-file no-console
/**
 * A process that loads a model and computes: `load_in_process.ts ARGUMENTS-AS-JSON`. Prints what happened, as one line of
 * JSON; whatever else is printed, the library printed.
 */
import process from "node:process";
import { type LoadOptions, Tensor, VQModel } from "../../../mod.ts";
import { syntheticImage } from "../../support/synthetic.ts";

/** What to do. */
export interface Arguments {
  /** What `fromPretrained` takes. */
  readonly source: string;
  readonly options?: LoadOptions;
  /** The shape of the picture to turn into tokens. */
  readonly shape: readonly number[];
  /** Where to save the model to, if anywhere. */
  readonly saveTo?: string;
  /** The repository to push the model to, if any. */
  readonly pushTo?: string;
}

/** What came of it. */
export interface Outcome {
  readonly tokens: number[];
  readonly events: string[];
  /** Bytes that the model holds on its device. */
  readonly held: number;
  /** The most bytes of memory that the process had. */
  readonly peak: number;
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(await load(JSON.parse(Deno.args[0]))));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}

async function load({ source, options, shape, saveTo, pushTo }: Arguments): Promise<Outcome> {
  const events = new Set<string>();
  using model = await VQModel.fromPretrained(source, { ...options, onProgress: ({ status }) => events.add(status) });
  using sample = new Tensor(syntheticImage(shape, 1), shape);
  const tokens = [...(await model.tokenize(sample)).indices];
  if (saveTo) await model.savePretrained(saveTo);
  if (pushTo) await model.pushToHub(pushTo, options);
  const { weights, buffers } = model.memory();
  return { tokens, events: [...events], held: weights + buffers, peak: await peakMemory() };
}

/** What the system says. On Linux, `maxRSS` counts what the process that started this one had by then. */
async function peakMemory(): Promise<number> {
  const allowed = (await Deno.permissions.query({ name: "read" })).state === "granted";
  const status = Deno.build.os === "linux" && allowed ? await Deno.readTextFile("/proc/self/status") : "";
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return 1024 * Number(kilobytes ?? process.resourceUsage().maxRSS);
}
