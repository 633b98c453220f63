/**
 * Colour palettes of picture files.
 *
 * @module
 */

/** A pixel for each of 256 indices, as red, green, blue and 255 in memory order. */
export type Colours = Uint32Array<ArrayBuffer>;

/**
 * The colours of a palette whose entries have `step` bytes, with red at offset `red`, green at 1 and blue at `blue`.
 * Indices beyond its end become grays, as in PIL.
 */
export function coloursOf(palette: Uint8Array, step = 3, red = 0, blue = 2): Colours {
  const bytes = new Uint8Array(4 * 256).fill(255);
  for (let i = 0; i < 256; i++) {
    const from = i * step;
    const isStated = from + step <= palette.length;
    bytes[4 * i] = isStated ? palette[from + red] : i;
    bytes[4 * i + 1] = isStated ? palette[from + 1] : i;
    bytes[4 * i + 2] = isStated ? palette[from + blue] : i;
  }
  return new Uint32Array(bytes.buffer);
}
