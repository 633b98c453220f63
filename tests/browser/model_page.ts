/// <reference lib="dom" />
/** Loads models in a page, from the Hub and from files that a person chose. */
import { type HubProgress, type LoadOptions, Tensor, VQModel } from "../../mod.ts";

/** A picture to tokenize. */
export interface Sample {
  readonly data: number[];
  readonly shape: number[];
}

async function tokensOf(loading: Promise<VQModel>, { data, shape }: Sample): Promise<number[]> {
  const model = await loading;
  const { indices } = await model.tokenize(new Tensor(Float32Array.from(data), shape));
  model.dispose();
  return [...indices];
}

const CALLS = {
  async fromHub(repo: string, options: LoadOptions, sample: Sample) {
    const statuses: string[] = [];
    const onProgress = ({ status }: { status: string }) => void statuses.push(status);
    const tokens = await tokensOf(VQModel.fromPretrained(repo, { ...options, onProgress }), sample);
    return { tokens, isDownloaded: statuses.includes("download" satisfies HubProgress["status"]) };
  },
  async fromInput(options: Parameters<typeof VQModel.fromFiles>[1], sample: Sample) {
    const { files } = document.querySelector("input")!;
    return await tokensOf(VQModel.fromFiles(files!, options), sample);
  },
};

/** The calls by name. */
export type ModelCalls = typeof CALLS;

document.body.innerHTML = "<input type=file multiple>";
Object.assign(globalThis, { calls: CALLS });
