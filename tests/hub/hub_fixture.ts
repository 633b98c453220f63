/** A Hub with a model on it, and a cache to load it into. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type HubModelOptions, type HubProgress, type ModelFiles, openHubModel } from "../../hub/mod.ts";
import { makeFolder } from "../support/folders.ts";
import { bytesOf, safetensorsFile } from "./files.ts";
import { COMMIT, FakeHub, type HubFile, sha256 } from "./server.ts";

export const REPO = "owner/name";

/** Values that do not repeat, so that swapped parts of a file are noticed. */
const VALUES = Float32Array.from({ length: 60_000 }, (_, i) => Math.sin(i) * i);

/** A weight file of about 240 kB with the tensor `a`. */
export const WEIGHTS = weightsOf(VALUES);
export const CONFIG = bytesOf(JSON.stringify({ _class_name: "VQModel" }));

export function weightsOf(values: Float32Array, name = "a"): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.slice().buffer);
  return safetensorsFile({ [name]: { dtype: "F32", shape: [values.length], data_offsets: [0, bytes.length] } }, bytes);
}

/** A model's files in a folder such as `"vqvae/"`. */
export function modelFiles(folder = ""): Record<string, HubFile> {
  return {
    [`${folder}config.json`]: { bytes: CONFIG },
    [`${folder}diffusion_pytorch_model.safetensors`]: { bytes: WEIGHTS, lfs: true },
  };
}

/** A Hub and a cache for a test. */
export interface Place extends AsyncDisposable {
  readonly hub: FakeHub;
  readonly cacheDir: string;
  /** The folder of the repository in the cache. */
  readonly folder: string;
  readonly blobs: string;
  /** All calls of `onProgress`. */
  readonly events: HubProgress[];
  open(options?: HubModelOptions): Promise<ModelFiles>;
  /** Loads the model and checks its weights. */
  load(options?: HubModelOptions): Promise<void>;
}

export async function preparePlace(files = modelFiles()): Promise<Place> {
  const hub = new FakeHub();
  hub.add(REPO, files);
  const cacheDir = await makeFolder();
  const folder = join(cacheDir, "models--owner--name");
  const events: HubProgress[] = [];
  const open = (options: HubModelOptions = {}) =>
    openHubModel(REPO, {
      ...{ cacheDir, hubUrl: hub.url, token: "", timeout: 2_000, localFilesOnly: false },
      onProgress: (event) => events.push(event),
      ...options,
    });
  return {
    ...{ hub, cacheDir, folder, blobs: join(folder, "blobs"), events, open },
    load: async (options) => checkModel(await open(options)),
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await Deno.remove(cacheDir, { recursive: true });
    },
  };
}

export async function checkModel({ weights }: ModelFiles): Promise<void> {
  assertEquals(await weights.read("a"), VALUES);
  await weights.close();
}

/** Every file below a folder, sorted, with what it links to. */
export function tree(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return tree(path, `${prefix}${entry.name}/`);
    return [prefix + entry.name + (entry.isSymlink ? ` -> ${Deno.readLinkSync(path)}` : "")];
  });
}

/** The held locks. */
export function locks({ cacheDir }: Place): string[] {
  return tree(cacheDir).filter((path) => path.startsWith(".locks/"));
}

/** Path of the incomplete weights. */
export function partialOf({ blobs }: Place): string {
  return join(blobs, `${sha256(WEIGHTS)}.incomplete`);
}

/** Path of the weights in the snapshot. */
export function weightsPath({ folder }: Place): string {
  return join(folder, "snapshots", COMMIT, "diffusion_pytorch_model.safetensors");
}

/** Number of bytes of weights that were sent. */
export function bytesSent({ hub }: Place): number {
  return hub.received.filter(({ server }) => server === "storage").reduce((sum, { sent }) => sum + sent, 0);
}
