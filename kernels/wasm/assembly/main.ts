// The entry points: running lists of jobs together with the other threads, and what the host calls directly.
import { BARRIER, CONTROL, FIELDS, JOB, Kind } from "../abi";
import { compute } from "./dispatch";

export { packPixels, unpackPixels } from "./ops/pixels";
export { initialize } from "./simd/simd";

/** The header of a job. */
@unmanaged
class Job {
  kind: Kind;
  /** Independent parts of the work. */
  blocks: i32;
  /** The next part to be taken. */
  next: i32;
  /** Threads waiting at the barrier. */
  arrived: i32;
}

const STOP: usize = CONTROL;
const NEXT: usize = offsetof<Job>("next");
const ARRIVED: usize = offsetof<Job>("arrived");
/** Spins before sleeping: being woken takes some 30 us. */
const SPIN: i32 = 20000;

/** Runs `count` jobs one after the other. All threads call this with the same list and meet at a barrier after each job. */
export function run(jobs: usize, count: i32, thread: i32, threads: i32): void {
  for (let i = 0; i < count; i++, jobs += JOB) {
    const job = changetype<Job>(jobs);
    for (let block = take(jobs); block < job.blocks; block = take(jobs)) {
      compute(job.kind, jobs + FIELDS, block, thread);
    }
    if (threads > 1 && !waitAtBarrier(jobs, threads)) return;
  }
}

@inline
function take(job: usize): i32 {
  return atomic.add<i32>(job + NEXT, 1);
}

/** Waits until every thread has finished the job. Returns false if the threads are to stop. */
function waitAtBarrier(job: usize, threads: i32): bool {
  const generation = atomic.load<i32>(CONTROL + BARRIER);
  if (atomic.add<i32>(job + ARRIVED, 1) == threads - 1) {
    atomic.add<i32>(CONTROL + BARRIER, 1);
    atomic.notify(CONTROL + BARRIER, threads);
  } else {
    // The host stops the threads by setting STOP, then incrementing the generation: a thread that reads the new generation sees STOP.
    for (let i = 0; i < SPIN && atomic.load<i32>(CONTROL + BARRIER) == generation; i++);
    while (atomic.load<i32>(CONTROL + BARRIER) == generation && atomic.load<i32>(STOP) == 0) {
      atomic.wait<i32>(CONTROL + BARRIER, generation, -1);
    }
  }
  return atomic.load<i32>(STOP) == 0;
}
