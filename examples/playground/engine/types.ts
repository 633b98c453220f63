/**
 * Models, pictures and tokens, as the page shows them.
 *
 * @module
 */

import type { Picture, Tensor } from "../../../mod.ts";

/** Where a model is. */
export type ModelSource =
  /** A repository of the Hub, `"owner/name"`. */
  | { readonly kind: "hub"; readonly name: string }
  /** A folder of this site with `config.json` and `diffusion_pytorch_model.safetensors`. */
  | { readonly kind: "site"; readonly name: string; readonly url: string }
  /** Files of this machine. */
  | { readonly kind: "files"; readonly name: string; readonly files: readonly File[] };

/** Which engine computes. */
export type DeviceChoice = "auto" | "wasm" | "webgpu";

/** A picture of RGBA bytes. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** A grid of tokens. */
export interface TokenGrid {
  readonly rows: number;
  readonly columns: number;
  readonly indices: Int32Array<ArrayBuffer>;
}

/** A picture that was tokenized. */
export interface TokenizedPicture extends TokenGrid {
  /** What was tokenized. */
  readonly sample: Tensor;
  /** The picture as the model sees it. */
  readonly picture: Picture;
  /** How far each latent is from the plane between its two nearest codes, over the root mean square of the latents. */
  readonly margins?: Float32Array<ArrayBuffer>;
  /** Milliseconds to decode the file and resize it, and to tokenize it. */
  readonly milliseconds: { readonly picture: number; readonly tokens: number };
}

/** Tokens to decode. */
export interface DecodeRequest extends TokenGrid {
  /**
   * Whether everything is computed. Otherwise only what the tokens reach that differ from those of the last call, with the
   * statistics of the last call where norms and attention look at the whole picture.
   */
  readonly exact: boolean;
}

/** A picture that was decoded. */
export interface DecodedPicture {
  readonly picture: Picture;
  /** Whether everything was computed. */
  readonly exact: boolean;
  readonly milliseconds: number;
}

/** A code near another one. */
export interface Neighbour {
  readonly code: number;
  /** Euclidean distance. */
  readonly distance: number;
}

/** Progress of loading. */
export interface LoadProgress {
  readonly text: string;
  /** From 0 to 1, if known. */
  readonly share?: number;
}
