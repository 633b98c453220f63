/**
 * Loads models in a worker: from this site, from the Hub, or from files.
 *
 * @module
 */

import { type GivenFile, type Progress, VQModel } from "../../../mod.ts";
import { LoadedModel } from "./loaded_model.ts";
import type { DeviceChoice, LoadProgress, ModelSource } from "./types.ts";

/** The files of a model that is part of the site. */
const SITE_FILES = ["config.json", "diffusion_pytorch_model.safetensors"];

/** How to load a model. */
export interface LoadOptions {
  readonly device: DeviceChoice;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Loads a model in a worker of its own, which ends with it. */
export async function loadModel(
  worker: Worker,
  source: ModelSource,
  { device, signal, onProgress }: LoadOptions,
): Promise<LoadedModel> {
  const start = performance.now();
  let fallback: string | undefined;
  const onEvent = (event: Progress) => {
    if (event.status === "fallback") fallback = event.reason;
    else onProgress?.(describeProgress(event));
  };
  try {
    const model = await VQModel.inWorker(worker, await placeOf(source, signal), {
      device,
      signal,
      onProgress: onEvent,
    });
    return new LoadedModel(model, worker, { milliseconds: performance.now() - start, fallback });
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** What the library takes as the source of a model. */
async function placeOf(source: ModelSource, signal?: AbortSignal): Promise<string | Iterable<GivenFile>> {
  switch (source.kind) {
    case "hub":
      return source.name;
    case "site":
      return await Promise.all(SITE_FILES.map(async (name) => {
        return [name, await fetchBlob(new URL(name, `${source.url}/`), signal)] as const;
      }));
    case "files":
      return source.files;
  }
}

async function fetchBlob(url: URL, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`Cannot load ${url}: the server answers ${response.status}`);
  return await response.blob();
}

/** Progress in words. */
function describeProgress({ status, file, loaded, total }: Progress): LoadProgress {
  const share = total > 0 ? loaded / total : undefined;
  if (status === "progress") {
    return { text: `${file}: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`, share };
  }
  return status === "load" ? { text: `Layer ${loaded} of ${total}`, share } : { text: file };
}
