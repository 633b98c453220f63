/**
 * Limits how many bodies arrive at once, and how many requests wait to be computed.
 *
 * @module
 */

import { Refusal } from "./refusal.ts";

/** Time limit for a body. */
const BODY_MS = 10_000;
/** Interval at which the progress of a body is checked. */
const PROGRESS_MS = 2_000;
/** Bytes that must arrive in each interval. */
const PROGRESS_BYTES = 20_000;
/** Every body may have this many pieces, each of which takes time and memory. */
const FREE_PIECES = 300;
/** One more piece is allowed for this many bytes. Network packets have about 1400. */
const PIECE_BYTES = 500;
/** Number of pieces after which other requests are served. */
const PIECES_PER_YIELD = 100;
/** Most bodies that arrive at once. */
const MAX_ARRIVING = 64;
/** Most bytes of all arriving bodies together. */
const MAX_ARRIVING_BYTES = 16_000_000;
/** Most requests that are being computed or waiting for it. */
const MAX_WAITING = 5;

/** A body that is arriving. */
interface Arrival {
  size: number;
  readonly pieces: Uint8Array<ArrayBuffer>[];
  /** Aborted with a {@linkcode Refusal} to drop the body. */
  readonly controller: AbortController;
}

/** In order of arrival: sets keep the order of insertion. */
const arriving = new Set<Arrival>();
let arrivingBytes = 0;

/** Reads the body of a request, of at most `limit` bytes. Refuses it if it arrives too slowly or in too many pieces. */
export async function receive(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new Refusal(415, `the body is encoded as ${encoding}, send it unencoded`);
  const tooLong = new Refusal(413, `the body has more than ${limit} bytes`);
  if (Number(request.headers.get("content-length")) > limit) throw tooLong;

  const arrival: Arrival = { size: 0, pieces: [], controller: new AbortController() };
  const { pieces, controller: { signal } } = arrival;
  const into = new WritableStream<Uint8Array<ArrayBuffer>>({
    async write(piece) {
      signal.throwIfAborted();
      if (arrival.size + piece.length > limit) throw tooLong;
      if (pieces.length > FREE_PIECES + arrival.size / PIECE_BYTES) {
        throw new Refusal(400, "the body arrives in too many small pieces");
      }
      pieces.push(piece.slice()); // the piece may be a view of a larger buffer
      arrival.size += piece.length;
      arrivingBytes += piece.length;
      makeRoom();
      if (pieces.length % PIECES_PER_YIELD === 0) await new Promise((resolve) => setTimeout(resolve));
    },
  });
  arriving.add(arrival);
  makeRoom();
  const stopWatching = watch(arrival);
  try {
    // preventCancel, because Deno reads a cancelled body to its end before it does anything else.
    await request.body?.pipeTo(into, { preventCancel: true, signal: AbortSignal.any([request.signal, signal]) });
    return await new Blob(pieces).bytes();
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "the body broke off");
  } finally {
    stopWatching();
    forget(arrival);
  }
}

/** Drops a body that takes too long or arrives too slowly. Returns a function that ends the checks. */
function watch(arrival: Arrival): () => void {
  const began = performance.now();
  let [checked, size] = [began, 0];
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - checked > 1.5 * PROGRESS_MS; // the server itself was busy
    if (now - began >= BODY_MS) {
      drop(arrival, new Refusal(408, `the body took longer than ${BODY_MS / 1000} seconds`));
    } else if (!late && arrival.size - size < PROGRESS_BYTES) {
      drop(
        arrival,
        new Refusal(408, `the body came at less than ${1000 * PROGRESS_BYTES / PROGRESS_MS} bytes a second`),
      );
    }
    [checked, size] = [now, arrival.size];
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

/** Drops the oldest bodies while there are too many. */
function makeRoom(): void {
  while (arriving.size > MAX_ARRIVING || arrivingBytes > MAX_ARRIVING_BYTES) {
    const [first] = arriving;
    drop(first, new Refusal(503, "too many bodies are arriving, try again", { "retry-after": "5" }));
  }
}

function drop(arrival: Arrival, refusal: Refusal): void {
  forget(arrival);
  arrival.controller.abort(refusal);
}

function forget(arrival: Arrival): void {
  if (arriving.delete(arrival)) arrivingBytes -= arrival.size;
}

let waiting = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `task` after all earlier tasks, unless its request was cancelled. Refuses it if too many are waiting, since each
 * holds a file in memory.
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
