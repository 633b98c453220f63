// What the host calls: run a list of jobs, together with the other threads.
import { CONTROL, FIELDS, JOB, Kind, TURN } from "../abi";
import { compute } from "./dispatch";

export { packPixels, unpackPixels } from "./ops/pixels";
export { initialize } from "./simd/simd";

/** The header of a job. */
@unmanaged
class Job {
  kind: Kind;
  /** Independent parts of the work. */
  blocks: i32;
  /** The next part that nobody has taken. */
  next: i32;
  /** Threads that found no more parts. */
  arrived: i32;
}

const STOP: usize = CONTROL;
const NEXT: usize = offsetof<Job>("next");
const ARRIVED: usize = offsetof<Job>("arrived");
/** How often to look before going to sleep; being woken takes some 30 us. */
const SPIN: i32 = 20000;

/** Runs `count` jobs one after the other. All threads call this with the same list. */
export function run(jobs: usize, count: i32, thread: i32, threads: i32): void {
  for (let i = 0; i < count; i++, jobs += JOB) {
    const job = changetype<Job>(jobs);
    for (let block = take(jobs); block < job.blocks; block = take(jobs)) {
      compute(job.kind, jobs + FIELDS, block, thread);
    }
    if (threads > 1 && !meet(jobs, threads)) return;
  }
}

@inline
function take(job: usize): i32 {
  return atomic.add<i32>(job + NEXT, 1);
}

/** Waits until every thread has finished the job. Returns false if the threads were told to stop. */
function meet(job: usize, threads: i32): bool {
  const turn = atomic.load<i32>(CONTROL + TURN);
  if (atomic.add<i32>(job + ARRIVED, 1) == threads - 1) {
    atomic.add<i32>(CONTROL + TURN, 1);
    atomic.notify(CONTROL + TURN, threads);
  } else {
    // The host stops the threads by setting STOP, then ending the turn; whoever reads the turn later sees STOP.
    for (let i = 0; i < SPIN && atomic.load<i32>(CONTROL + TURN) == turn; i++);
    while (atomic.load<i32>(CONTROL + TURN) == turn && atomic.load<i32>(STOP) == 0) {
      atomic.wait<i32>(CONTROL + TURN, turn, -1);
    }
  }
  return atomic.load<i32>(STOP) == 0;
}
