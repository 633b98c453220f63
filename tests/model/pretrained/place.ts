/** A Hub with a golden model on it, and a cache to load it into. */
import { join } from "@std/path";
import { type LoadOptions, type Progress, Tensor, VQModel } from "../../../mod.ts";
import { preparePlace, REPO, tree } from "../../hub/hub_fixture.ts";
import type { FakeHub, HubFile } from "../../hub/server.ts";
import { assertClose, assertSameCodes, type Golden, loadGolden } from "../../support/golden.ts";
import { syntheticImage } from "../../support/synthetic.ts";
import { take, tensorOf } from "../models.ts";

/** Another commit than the server's. */
export const OTHER = "f".repeat(40);
/** Where it does not matter which: the one that is ready soonest. */
export const DEVICE = { device: "wasm", threads: 1 } as const;
export const SAFETENSORS = "diffusion_pytorch_model.safetensors";

/** A Hub with one repository, and an empty cache. */
export interface Place extends AsyncDisposable {
  readonly hub: FakeHub;
  readonly cacheDir: string;
  /** Everything that was told. */
  readonly events: Progress[];
  load(options?: LoadOptions): Promise<VQModel>;
}

export async function placeWith(files: Record<string, HubFile>): Promise<Place> {
  const { hub, cacheDir, [Symbol.asyncDispose]: dispose } = await preparePlace(files);
  const events: Progress[] = [];
  const load = (options: LoadOptions = {}) =>
    VQModel.fromPretrained(REPO, {
      ...optionsFor({ hub, cacheDir }),
      onProgress: (event) => events.push(event),
      ...options,
    });
  return { hub, cacheDir, events, load, [Symbol.asyncDispose]: dispose };
}

export function optionsFor({ hub, cacheDir }: Pick<Place, "hub" | "cacheDir">) {
  return { ...DEVICE, cacheDir, hubUrl: hub.url, token: "", timeout: 2_000, localFilesOnly: false } as const;
}

/** The files of a golden model as a repository has them. */
export function filesOf(name: string, { folder = "", rename = (file: string) => file } = {}): Record<string, HubFile> {
  const { directory } = loadGolden(name);
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name !== "io.safetensors");
  return Object.fromEntries(names.map((name) => {
    const bytes = Deno.readFileSync(join(directory, name));
    return [folder + rename(name), { bytes, lfs: !name.endsWith(".json") }];
  }));
}

export function asVariant(file: string): string {
  return file.replace(/\.safetensors$/, ".fp16.safetensors");
}

export function jsonFile(value: unknown): HubFile {
  return { bytes: new TextEncoder().encode(JSON.stringify(value)) };
}

/** Checks that a model computes what Diffusers stored. */
export async function assertComputes(model: VQModel, golden: Golden): Promise<void> {
  using sample = tensorOf(golden.tensor("sample"));
  const latents = golden.tensor("latents");
  assertClose(await take((await model.encode(sample)).latents), latents.data, 3e-5, "latents");
  const { indices } = await model.tokenize(sample);
  assertSameCodes(indices, golden.integers("indices").data, golden.tensor("margin").data, "tokens");
  using stored = tensorOf(latents);
  assertClose(await take((await model.decode(stored)).sample), golden.tensor("decoded").data, 1e-4, "decoded");
}

/** What a model makes of a picture, bit by bit. */
export async function reconstruct(model: VQModel): Promise<Float32Array> {
  using sample = new Tensor(syntheticImage([1, 3, 16, 16], 1), [1, 3, 16, 16]);
  return await take((await model.forward(sample)).sample);
}

/** How many bytes of large files were sent. */
export function bytesSent(hub: FakeHub): number {
  return hub.received.filter(({ server }) => server === "storage").reduce((sum, { sent }) => sum + sent, 0);
}

export function locksIn({ cacheDir }: Place): string[] {
  return tree(cacheDir).filter((path) => path.startsWith(".locks/"));
}
