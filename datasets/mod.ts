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
export type { QueueStatus, WorkerState } from "./queue/jobs.ts";
export { openQueue, type Queue } from "./queue/queue.ts";
export { parseQueueAddress, type QueueServer } from "./queue/server.ts";
export type { QueueOptions } from "./queue/streams.ts";
export type { Job, WorkOptions } from "./queue/work.ts";
