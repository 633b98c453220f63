/**
 * The words of data set work: pictures in shards, and the tokens that come of them.
 *
 * @module
 */

import type { TokenDType } from "../mod.ts";

/** A picture of a data set: its file, not decoded yet. */
export interface DatasetPicture {
  /**
   * Its name in the data set, unique within it: the path below the input, without the extension, with `/` between folders.
   * In a `.tar`, WebDataset's key. Tokens carry it.
   */
  readonly key: string;
  /** Where it is, for messages: a path, or `shard.tar/picture.jpg`. */
  readonly name: string;
  /** Reads the bytes of its file. It may be called once, before the next picture of the shard is asked for. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A part of a data set that is tokenized as a whole: an input `.tar` or `.parquet`, or a number of files. */
export interface DatasetShard {
  /** The name of the output shard without extension: that of the input shard, or a number such as `000017`. */
  readonly name: string;
  /** Number of its pictures, where that is known without reading it. */
  readonly pictures?: number;
  /**
   * A text that changes with its pictures, as far as that is known without reading it. Output that was made of a shard with
   * another one is not continued.
   */
  readonly fingerprint?: string;
  /** The archive that it is, for messages: a path or a URL. */
  readonly address?: string;
  /** Its pictures in their order, the same each time. */
  open(signal?: AbortSignal): AsyncIterable<DatasetPicture>;
}

/** Where the pictures of a data set come from. */
export interface DatasetSource {
  /** The shards in their order, the same each time. */
  readonly shards: readonly DatasetShard[];
}

/** How far a data set is tokenized, or its tokens are decoded: the shards are files of tokens then. */
export interface DatasetProgress {
  /** Number of shards that are finished, those of earlier runs included. */
  readonly shards: number;
  /** Number of shards in all. */
  readonly totalShards: number;
  /** Number of pictures done, those of earlier runs and those that failed included. */
  readonly pictures: number;
  /** Number of pictures in all, if known. */
  readonly totalPictures?: number;
  /** Number of pictures done by this run. */
  readonly newPictures: number;
  /** Number of tokens made by this run. */
  readonly newTokens: number;
  /** Number of pictures that failed, those of earlier runs included, and of archives that could not be read. */
  readonly failures: number;
  /** Number of models that compute at the same time. */
  readonly models?: number;
  /** How the models use the machine. */
  readonly engines?: EngineUse;
  /** Number of pictures in a batch, once it is chosen. */
  readonly batch?: number;
}

/** How models use a machine. */
export interface EngineUse {
  /** Number of models that compute at the same time. */
  readonly engines: number;
  /** Number of threads of each. */
  readonly threads: number;
  /**
   * Why: it was `"measured"` to be the fastest; that is being measured; there are too few pictures to measure it; or there is no
   * alternative, as on a GPU, with one thread, a memory limit or little memory.
   */
  readonly choice: "measured" | "measuring" | "few pictures" | "no alternative";
  /** What was measured. */
  readonly rates: readonly EngineRate[];
}

/** How fast some models compute a data set. */
export interface EngineRate extends Pick<EngineUse, "engines" | "threads"> {
  /** Pictures per second. */
  readonly picturesPerSecond: number;
}

/** The tokens of one picture of a data set. */
export interface TokenRecord {
  /** The picture's {@linkcode DatasetPicture.key}, with `_hflip` behind it for the mirrored one. */
  readonly key: string;
  /** Indices in the codebook, row by row. */
  readonly indices: Int32Array;
  /** Rows and columns of tokens. */
  readonly shape: readonly [h: number, w: number];
  /** Width in pixels of the picture that was tokenized. */
  readonly width?: number;
  /** Height in pixels of the picture that was tokenized. */
  readonly height?: number;
  /** SHA-256 of the picture's file, in hexadecimal. */
  readonly sha256?: string;
  /** How the picture was changed before it was tokenized. */
  readonly augment?: "hflip";
}

/** What all records of a data set share. */
export interface TokenSetInfo {
  /** The type of the stored numbers. */
  readonly dtype: TokenDType;
  /** The model that made them: a name on the Hub, or a directory. */
  readonly model?: string;
  /** The SHA-256 of the codebook, as `Codebook.hash`. */
  readonly codebook?: string;
  /** Number of codes in the codebook. */
  readonly codes?: number;
}

/** The formats that hold the tokens of many pictures. */
export type DatasetFormat = "tar" | "parquet" | "jsonl" | "npy" | "npz" | "safetensors";

/**
 * Writes records as the bytes of one file, in pieces, with bounded memory where the format allows.
 * Formats of one array (`npy`, `npz`, `safetensors`) refuse records of different shapes.
 */
export type EncodeRecords = (
  records: AsyncIterable<TokenRecord>,
  info: TokenSetInfo,
) => AsyncIterable<Uint8Array<ArrayBuffer>>;
