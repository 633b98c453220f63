/**
 * Loads models from this site, from the Hub, or from files.
 *
 * @module
 */

import { type LoadFileOptions, VQModel } from "../../../mod.ts";
import type { ModelSource } from "./protocol.ts";

/** Loads a model. */
export async function loadModel(
  source: ModelSource,
  options: Pick<LoadFileOptions, "device" | "signal" | "onProgress">,
): Promise<VQModel> {
  switch (source.kind) {
    case "hub":
      return await VQModel.fromPretrained(source.name, options);
    case "site": {
      const file = (name: string) => new URL(name, `${source.url}/`);
      return await VQModel.fromSingleFile(file("diffusion_pytorch_model.safetensors"), {
        ...options,
        config: file("config.json"),
      });
    }
    case "files":
      return await VQModel.fromFiles(source.files, options);
  }
}
