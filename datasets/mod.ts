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
export { codeSheet, type CodeSheetOptions } from "./inspect/code_sheet.ts";
export { type TokenStatistics, tokenStatistics } from "./inspect/statistics.ts";
export { usagePlot } from "./inspect/usage_plot.ts";
