/**
 * Indices in as few bits as their codebook needs.
 *
 * @module
 */

/** Packs indices, the first in the lowest bits. */
export function packIndices(indices: Int32Array, codes: number): Uint8Array<ArrayBuffer> {
  const width = bitsOf(codes);
  const bytes = new Uint8Array(Math.ceil(indices.length * width / 8));
  indices.forEach((index, i) => {
    for (let bit = 0; bit < width; bit++) {
      const place = i * width + bit;
      bytes[place >> 3] |= (index >> bit & 1) << (place & 7);
    }
  });
  return bytes;
}

/**
 * Unpacks indices.
 *
 * @throws {RangeError} if there are fewer or more bytes than they need, or an index is not in the codebook
 */
export function unpackIndices(bytes: Uint8Array, count: number, codes: number): Int32Array<ArrayBuffer> {
  const width = bitsOf(codes);
  const expected = Math.ceil(count * width / 8);
  if (bytes.length !== expected) throw new RangeError(`expected ${expected} bytes of tokens, found ${bytes.length}`);
  const indices = new Int32Array(count);
  for (let place = 0; place < count * width; place++) {
    indices[Math.floor(place / width)] |= (bytes[place >> 3] >> (place & 7) & 1) << place % width;
  }
  if (indices.some((index) => index >= codes)) throw new RangeError(`expected indices below ${codes}`);
  return indices;
}

function bitsOf(codes: number): number {
  return Math.max(1, Math.ceil(Math.log2(codes)));
}
