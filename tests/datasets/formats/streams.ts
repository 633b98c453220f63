/** Streams of bytes for the readers under test. */
import { concatBytes } from "../../../datasets/formats/byte_stream.ts";

/** Bytes in chunks of a size that suits no format. */
export async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

/** The elements of a list, one after another. */
export async function* streamOf<T>(list: Iterable<T>): AsyncGenerator<T> {
  for (const element of list) yield await Promise.resolve(element);
}

/** All bytes of a stream. */
export async function bytesOfStream(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return concatBytes(await Array.fromAsync(chunks));
}
