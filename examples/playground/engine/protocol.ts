/**
 * What the page and its worker say to each other.
 *
 * @module
 */

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

/** A model that is loaded. */
export interface ModelInfo {
  readonly device: "wasm" | "webgpu";
  /** Threads of the CPU engine. */
  readonly threads?: number;
  readonly parameters: number;
  /** Number of codes. */
  readonly codes: number;
  /** Pixels per token along each side. */
  readonly factor: number;
  /** Red, green, blue and alpha of each code in maps of tokens. */
  readonly colours: Uint8ClampedArray<ArrayBuffer>;
  /** Milliseconds to load it. */
  readonly milliseconds: number;
  /** Why a slower engine computes than was asked for. */
  readonly fallback?: string;
}

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
  /** The picture as the model sees it. */
  readonly picture: Pixels;
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
  readonly picture: Pixels;
  /** Whether everything was computed. */
  readonly exact: boolean;
  readonly milliseconds: number;
  /** Compared with the picture that was tokenized, in decibels. */
  readonly psnr?: number;
}

/** A code near another one. */
export interface Neighbour {
  readonly code: number;
  /** Euclidean distance. */
  readonly distance: number;
}

/** A line of the profile. */
export interface ProfileLine {
  readonly op: string;
  readonly name: string;
  readonly milliseconds: number;
  readonly flops: number;
}

/** Bytes of the model on its device. */
export interface Memory {
  readonly held: number;
  readonly used: number;
}

/** Progress of loading. */
export interface LoadProgress {
  readonly text: string;
  /** From 0 to 1, if known. */
  readonly share?: number;
}
