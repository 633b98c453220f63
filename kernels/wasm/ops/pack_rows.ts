/**
 * Brings weights into memory: all threads pack a part of them while the next part is read.
 *
 * @module
 */

import type { WeightValues } from "../../graph/parameters.ts";
import { settleAll } from "../../host/settle.ts";
import { Element, JOB, Kind } from "../abi.ts";
import type { Memory } from "../memory/memory.ts";
import type { Job } from "../threads/job.ts";

/** Maximum bytes of a part, unless eight rows take more. Smaller parts cost more messages to threads, larger ones memory. */
const PART_BYTES = 4 * 2 ** 20;
/** Bytes of the list of jobs: at most two. */
const LIST_BYTES = 2 * JOB;
/** Memory that packing takes beside the packed weights, as a rule. */
export const STAGING_BYTES = LIST_BYTES + 2 * PART_BYTES;
/** Bytes of a cache line. */
const LINE = 64;
/** Vectors of four values per block of a conversion to float32. */
const WIDEN_VECTORS = 8192;

/** Bytes of the element types, and the numbers by which kernels know those that they convert to float32. */
const ELEMENTS = {
  F64: { bytes: 8, element: Element.F64 },
  F32: { bytes: 4, element: undefined },
  F16: { bytes: 2, element: Element.F16 },
  BF16: { bytes: 2, element: Element.BF16 },
} as const;

/** A matrix of weights. */
export interface Rows {
  readonly values: WeightValues;
  /** Number of rows: output channels or codes. */
  readonly count: number;
  /** Elements of a row. */
  readonly length: number;
}

/** The job that packs the octets of rows that begin at address `raw`; `first` octets are before them. */
export type PackJob = (raw: number, first: number, octets: number) => Job;

/** A memory, and threads that run jobs on it. */
export interface JobRunner {
  readonly memory: Memory;
  /** Runs jobs; `list` is an address with room for them. */
  runJobs(jobs: readonly Job[], list: number): Promise<void>;
}

/** Packs rows. Allocates memory before it first waits: if memory that is not shared grows, its views are detached. */
export async function packRows(runner: JobRunner, { values, count, length }: Rows, pack: PackJob): Promise<void> {
  const { memory } = runner;
  const { bytes, element } = ELEMENTS[values instanceof Float32Array ? "F32" : values.dtype];
  const rowBytes = length * bytes;
  const partRows = 8 * Math.max(1, Math.min(Math.ceil(count / 8), Math.floor(PART_BYTES / (8 * rowBytes))));
  const parts = Math.ceil(count / partRows);
  const rowsOf = (part: number) => Math.min(partRows, count - part * partRows);

  const partBytes = wholeLines(partRows * rowBytes), areaCount = Math.min(parts, 2);
  const widenedBytes = element === undefined ? 0 : partRows * length * 4;
  const staging = memory.allocateStaging(LIST_BYTES + areaCount * partBytes + widenedBytes);
  try {
    const areas = [staging + LIST_BYTES, staging + LIST_BYTES + partBytes];
    const widened = element === undefined ? undefined : areas[0] + areaCount * partBytes;

    const read = async (part: number) => {
      if (part === parts) return;
      await readBytes(values, part * partRows * rowBytes, memory.byteView(areas[part % 2], rowsOf(part) * rowBytes));
    };
    const run = async (part: number) => {
      const raw = areas[part % 2];
      const jobs = [pack(widened ?? raw, part * partRows / 8, Math.ceil(rowsOf(part) / 8))];
      if (widened !== undefined) jobs.unshift(widenJob(raw, widened, element!, rowsOf(part) * length));
      await runner.runJobs(jobs, staging);
    };
    await read(0);
    for (let part = 0; part < parts; part++) {
      const reading = read(part + 1);
      await settleAll([run(part), reading]);
    }
  } finally {
    memory.free(staging);
  }
}

/** Bytes in whole cache lines. */
function wholeLines(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE;
}

/** The job that converts elements. It reads and writes whole vectors, for which areas have room. */
function widenJob(from: number, to: number, element: Element, length: number): Job {
  const vectors = Math.ceil(length / 4), blocks = Math.ceil(vectors / WIDEN_VECTORS);
  return { kind: Kind.Widen, blocks, fields: { from, to, element, vectors, blocks } };
}

/** Fills `target` with the bytes of values from `offset` on. */
async function readBytes(values: WeightValues, offset: number, target: Uint8Array): Promise<void> {
  if (values instanceof Float32Array) {
    target.set(new Uint8Array(values.buffer, values.byteOffset + offset, target.length));
  } else await values.readInto(target, offset);
}

/** Reads few values, converted to float32, into `target`. */
export async function readFloats(values: WeightValues, target: Float32Array): Promise<void> {
  if (values instanceof Float32Array || values.dtype === "F32") {
    await readBytes(values, 0, new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
  } else target.set(await values.read());
}
