/**
 * Whole data sets to tokens and back.
 *
 * @module
 */

export type {
  DatasetFormat,
  DatasetPicture,
  DatasetShard,
  DatasetSource,
  EncodeRecords,
  TokenRecord,
  TokenSetInfo,
} from "./types.ts";
