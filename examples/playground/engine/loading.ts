/**
 * Loads models from this site, from the Hub, or from files.
 *
 * @module
 */

import { type ComputeOptions, VQModel } from "../../../mod.ts";
import type { ModelSource } from "./protocol.ts";

/** The files of a model that is part of the site. */
const SITE_FILES = ["config.json", "diffusion_pytorch_model.safetensors"];

/** Loads a model. */
export async function loadModel(
  source: ModelSource,
  options: Pick<ComputeOptions, "device" | "signal" | "onProgress">,
): Promise<VQModel> {
  switch (source.kind) {
    case "hub":
      return await VQModel.fromPretrained(source.name, options);
    case "site": {
      const urls = SITE_FILES.map((name) => new URL(name, `${source.url}/`));
      const blobs = await Promise.all(urls.map((url) => fetchBlob(url, options.signal)));
      return await VQModel.fromFiles(SITE_FILES.map((name, i) => [name, blobs[i]] as const), options);
    }
    case "files":
      return await VQModel.fromFiles(source.files, options);
  }
}

async function fetchBlob(url: URL, signal?: AbortSignal): Promise<Blob> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`Cannot load ${url}: the server answers ${response.status}`);
  return await response.blob();
}
