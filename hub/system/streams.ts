/**
 * Streams as iterables and back, which not every browser can do itself.
 *
 * @module
 */

/** The chunks of a stream, which is cancelled if they are not read to the end. */
export async function* chunksOf<T>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel(); // harmless at the end
  }
}

/** A stream of chunks, which are made when they are read. */
export function streamOf<T>(chunks: AsyncIterable<T>): ReadableStream<T> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void await iterator.return?.(),
  }, { highWaterMark: 0 });
}
