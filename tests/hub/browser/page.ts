/** What the tests call in a page, or in a module worker of it. */
import {
  type HubModelOptions,
  listCachedModels,
  openHubModel,
  openSingleFile,
  removeCachedModel,
  verifyCachedModel,
} from "../../../hub/mod.ts";

/** What came of loading a model. */
export interface Loaded {
  /** Steps of progress without repetitions. */
  readonly statuses: string[];
  /** The reasons that steps gave. */
  readonly reasons: string[];
  readonly commit?: string;
  readonly config?: unknown;
  /** Sum of the elements of the tensor `a`. */
  readonly sum?: number;
  /** Name and message of the error. */
  readonly error?: string;
}

/** Options of a load, which a test can pass to a page. */
export interface PageLoad
  extends Pick<HubModelOptions, "hubUrl" | "revision" | "token" | "localFilesOnly" | "timeout"> {
  /** Aborts when so many bytes of a file are there. */
  readonly abortAt?: number;
}

async function load(repo: string, { abortAt = Infinity, ...options }: PageLoad): Promise<Loaded> {
  const [statuses, reasons]: string[][] = [[], []];
  const abort = new AbortController();
  const onProgress: HubModelOptions["onProgress"] = ({ status, reason, loaded }) => {
    if (statuses.at(-1) !== status) statuses.push(status);
    if (reason) reasons.push(reason);
    if (loaded >= abortAt) abort.abort(new Error("enough"));
  };
  try {
    const { signal } = abort;
    const { weights, commit, config } = await openHubModel(repo, { token: "", onProgress, signal, ...options });
    const sum = (await weights.read("a")).reduce((total, element) => total + element, 0);
    await weights.close();
    return { statuses, reasons, commit, config, sum };
  } catch (error) {
    return { statuses, reasons, error: `${error}` };
  }
}

/** Names of the tensors of a file on a web server. */
async function tensorsAt(url: string): Promise<string[]> {
  const { weights } = await openSingleFile(url, { config: {} });
  await weights.read("a");
  await weights.close();
  return [...weights.tensors.keys()];
}

const CALLS = {
  load,
  tensorsAt,
  list: () => listCachedModels(),
  verify: (repo: string) => verifyCachedModel(repo),
  remove: (repo: string) => removeCachedModel(repo).catch(String),
};

/** The calls by name. */
export type Calls = typeof CALLS;

type Call = { name: keyof Calls; values: unknown[] };

const run = ({ name, values }: Call) => (CALLS[name] as (...values: unknown[]) => Promise<unknown>)(...values);

if ("document" in globalThis) {
  let worker: Worker | undefined;
  const inWorker = (call: Call) => {
    worker ??= new Worker("./page.js", { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage(call);
    return promise;
  };
  Object.assign(globalThis, { call: (call: Call, worker: boolean) => worker ? inWorker(call) : run(call) });
} else {
  globalThis.onmessage = async ({ data }) => globalThis.postMessage(await run(data));
}
