/**
 * Who is let in: bodies while there is room for them, and to the computing whose body is there.
 *
 * @module
 */

import { Refusal } from "./refusal.ts";

/** How long a body may take to arrive. */
const BODY_MS = 10_000;
/** How often it is looked at meanwhile, */
const PROGRESS_MS = 2_000;
/** and how many bytes must have come each time. */
const PROGRESS_BYTES = 20_000;
/** The pieces that a body may come in, each of which costs some time and memory: so many, */
const FREE_PIECES = 300;
/** and one for so many bytes. Those of a network have 1400. */
const PIECE_BYTES = 500;
/** After how many pieces others have their turn. */
const PIECES_PER_TURN = 100;
/** The most bodies that are arriving at once, */
const MAX_ARRIVING = 64;
/** and the most bytes of all of them. */
const MAX_ARRIVING_BYTES = 16_000_000;
/** The most requests that compute, or wait for their turn to. */
const MAX_WAITING = 5;

/** A body of which some bytes have arrived. */
interface Arrival {
  size: number;
  readonly pieces: Uint8Array<ArrayBuffer>[];
  /** Aborted with a {@linkcode Refusal} when the body is given up. */
  readonly controller: AbortController;
}

/** Sets keep the order of insertion: the body that began first is the first. */
const arriving = new Set<Arrival>();
let arrivingBytes = 0;

/** The bytes of a request's body, at most `limit` of them. A body that comes too slowly, or in crumbs, is refused. */
export async function receive(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new Refusal(415, `the body is encoded as ${encoding}, send it as it is`);
  const tooLong = new Refusal(413, `the body has more than ${limit} bytes`);
  if (Number(request.headers.get("content-length")) > limit) throw tooLong;

  const arrival: Arrival = { size: 0, pieces: [], controller: new AbortController() };
  const { pieces, controller: { signal } } = arrival;
  const into = new WritableStream<Uint8Array<ArrayBuffer>>({
    async write(piece) {
      signal.throwIfAborted();
      if (arrival.size + piece.length > limit) throw tooLong;
      if (pieces.length > FREE_PIECES + arrival.size / PIECE_BYTES) throw new Refusal(400, "the body comes in crumbs");
      pieces.push(piece.slice()); // it may be a part of something larger
      arrival.size += piece.length;
      arrivingBytes += piece.length;
      makeRoom();
      if (pieces.length % PIECES_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
    },
  });
  arriving.add(arrival);
  makeRoom();
  const stopWatching = watch(arrival);
  try {
    // Deno would read a body that is cancelled to its end, piece by piece, before it does anything else.
    await request.body?.pipeTo(into, { preventCancel: true, signal: AbortSignal.any([request.signal, signal]) });
    return await new Blob(pieces).bytes();
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "the body broke off");
  } finally {
    stopWatching();
    forget(arrival);
  }
}

/** Gives a body up that takes too long, or stops arriving. Returns what stops the watching. */
function watch(arrival: Arrival): () => void {
  const began = performance.now();
  let [looked, size] = [began, 0];
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - looked > 1.5 * PROGRESS_MS; // then it was this server that was busy
    if (now - began >= BODY_MS) {
      giveUp(arrival, new Refusal(408, `the body took longer than ${BODY_MS / 1000} seconds`));
    } else if (!late && arrival.size - size < PROGRESS_BYTES) {
      giveUp(
        arrival,
        new Refusal(408, `the body came at less than ${1000 * PROGRESS_BYTES / PROGRESS_MS} bytes a second`),
      );
    }
    [looked, size] = [now, arrival.size];
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

/** Gives bodies up while there are too many, those first that have been arriving for the longest. */
function makeRoom(): void {
  while (arriving.size > MAX_ARRIVING || arrivingBytes > MAX_ARRIVING_BYTES) {
    const [first] = arriving;
    giveUp(first, new Refusal(503, "too many bodies are arriving, try again", { "retry-after": "5" }));
  }
}

function giveUp(arrival: Arrival, refusal: Refusal): void {
  forget(arrival);
  arrival.controller.abort(refusal);
}

function forget(arrival: Arrival): void {
  if (arriving.delete(arrival)) arrivingBytes -= arrival.size;
}

let waiting = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `task` when all tasks before it have ended, unless nobody waits for it any more. Refuses it where too many wait
 * already, as each has a file in memory.
 */
export async function inTurn<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  if (waiting === MAX_WAITING) throw new Refusal(503, "too many requests, try again", { "retry-after": "5" });
  waiting++;
  const turn = last.then(() => {
    signal.throwIfAborted();
    return task();
  });
  last = turn.catch(() => {});
  try {
    return await turn;
  } finally {
    waiting--;
  }
}
