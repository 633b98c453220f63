/**
 * Whole data sets to tokens and back.
 *
 * @module
 */

export { type ArrayFormat, encodeArrayRecords } from "./formats/arrays_writer.ts";
export { encodeJsonlRecords } from "./formats/jsonl.ts";
export { countParquetRows, type ParquetPicturesOptions, picturesOfParquet } from "./formats/parquet/pictures.ts";
export { encodeParquetRecords } from "./formats/parquet/records_writer.ts";
export type { RecordSource } from "./formats/record_source.ts";
export {
  decodeRecords,
  type DecodeRecordsOptions,
  encodeRecords,
  openRecords,
  type RecordFormat,
} from "./formats/records.ts";
export type { RecordFailure, StoredRecords } from "./formats/stored_records.ts";
export { encodeTar, readTar, type ReadTarOptions, type TarEntry, type TarFile } from "./formats/tar.ts";
export { picturesOfTar } from "./formats/tar_pictures.ts";
export { encodeTarRecords } from "./formats/tar_records.ts";
export { chooseEngines, type EngineModel, type Engines, type EngineSet, type OpenEngines } from "./compute/engines.ts";
export type {
  DatasetFormat,
  DatasetPicture,
  DatasetProgress,
  DatasetShard,
  DatasetSource,
  EncodeRecords,
  EngineRate,
  EngineUse,
  TokenRecord,
  TokenSetInfo,
} from "./types.ts";
export { codeSheet, type CodeSheetOptions } from "./inspect/code_sheet.ts";
export { type TokenStatistics, tokenStatistics } from "./inspect/statistics.ts";
export { openTokenSet, type TokenSet } from "./inspect/token_set.ts";
export { usagePicture, usagePlot } from "./inspect/usage_plot.ts";
export { type Verification, type VerifyOptions, verifyTokenSet } from "./inspect/verify.ts";
export { type MergeOptions, mergeRecords, type MergeSource, mergeTokens } from "./output/merge.ts";
export type { FileDigest } from "./output/publish.ts";
export { openQueue, type Queue } from "./queue/queue.ts";
export { parseQueueAddress, type QueueServer } from "./queue/address.ts";
export type { Job, QueueOptions, QueueStatus, WorkerState, WorkOptions } from "./queue/types.ts";
export {
  type Manifest,
  PACKAGE,
  parseManifest,
  type PictureFailure,
  type ShardEntry,
  type TokenFailure,
  type TokenSettings,
} from "./output/manifest.ts";
export { fileSink, folderSink, type OpenSink, type SinkAccess, type TokenSink } from "./output/sinks.ts";
export type { ShardRecord, TokenStore, UnreadShard } from "./output/token_store.ts";
export { openSource, type SourceOptions } from "./sources/open_source.ts";
export { SourceError, tokenizeDataset, type TokenizeDatasetOptions, tokenizeShard } from "./tokenize/dataset.ts";
export type { PrepareOptions } from "./tokenize/prepare.ts";
export { savePictureArchive, savePictures } from "./detokenize/save_pictures.ts";
export {
  listTokenFiles,
  type NamedStream,
  readTokenFiles,
  type TokenFileFailure,
  type TokenFilesOptions,
  type TokensOfFile,
} from "./detokenize/token_files.ts";
export { detokenizeFiles, type DetokenizeFilesOptions } from "./detokenize/detokenize_files.ts";
export type { DetokenizeFailure, InputEntry, PictureSettings, PicturesManifest } from "./detokenize/manifest.ts";
export { type OpenPictures, pictureArchive, pictureFolder, type PicturePlace } from "./detokenize/picture_places.ts";
export {
  detokenizeDataset,
  type DetokenizeDatasetOptions,
  type DetokenizedPicture,
  type TokensToDecode,
} from "./detokenize/dataset.ts";
