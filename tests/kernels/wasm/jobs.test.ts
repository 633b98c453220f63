/** What the host writes as a job is what the kernels read. */
import { assertEquals } from "@std/assert";
import { FIELDS, JOB, Kind } from "../../../kernels/wasm/abi.ts";
import { compile } from "../../../kernels/wasm/build/compile.ts";
import { jobClasses } from "../../../kernels/wasm/build/job_classes.ts";
import { JOB_FIELDS } from "../../../kernels/wasm/job_fields.ts";
import { Memory } from "../../../kernels/wasm/memory/memory.ts";
import { type Job, writeJobs } from "../../../kernels/wasm/threads/job.ts";
import { testOn } from "../../support/engines.ts";

/** A module that reads each field of each kind of job by its name. */
async function readers(memory: WebAssembly.Memory): Promise<Record<string, (job: number) => number>> {
  const functions = Object.entries(JOB_FIELDS).flatMap(([kind, fields]) => {
    const name = Kind[Number(kind)];
    return Object.entries(fields).map(([field, type]) =>
      `export function ${name}_${field}(job: usize): ${type} { return changetype<${name}Fields>(job + ${FIELDS}).${field}; }`
    );
  });
  const source = jobClasses() + functions.join("\n");
  const binary = await compile("main.ts", "--importMemory", (path) => path === "main.ts" ? source : null);
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  return instance.exports as unknown as Record<string, (job: number) => number>;
}

testOn("wasm", "each field of each kind of job is read where it was written", async () => {
  const memory = new Memory(false);
  const job = memory.allocate(JOB);
  const read = await readers(memory.memory);
  for (const [kind, types] of Object.entries(JOB_FIELDS)) {
    const fields = Object.fromEntries(
      Object.entries(types).map(([name, type], i) => [name, type === "f32" ? i + 0.5 : i + 1]),
    );
    writeJobs([{ kind: Number(kind), blocks: 1, fields } as Job], memory, job);
    for (const [name, value] of Object.entries(fields)) {
      assertEquals(read[`${Kind[Number(kind)]}_${name}`](job), value, `${Kind[Number(kind)]}.${name}`);
    }
  }
});

testOn("wasm", "a missing or an unknown field, or one of another kind of job, is a type error", () => {
  const fields = { x: 1, y: 2, vectors: 3, blocks: 4 };
  const jobs: Job[] = [
    { kind: Kind.Copy, blocks: 4, fields },
    // @ts-expect-error: y is missing
    { kind: Kind.Copy, blocks: 4, fields: { x: 1, vectors: 3, blocks: 4 } },
    // @ts-expect-error: Copy has no code
    { kind: Kind.Copy, blocks: 4, fields: { x: 1, code: 2, y: 3, vectors: 4, blocks: 5 } },
    // @ts-expect-error: these are the fields of Copy
    { kind: Kind.StraightThrough, blocks: 4, fields },
  ];
  assertEquals(jobs.length, 4);
});
