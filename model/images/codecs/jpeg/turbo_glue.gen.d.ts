declare const createTurbo: (options: Record<string, unknown>) => Promise<{ JPEGDecoder: new () => TurboDecoder }>;
export default createTurbo;

/** The package's own interface. */
export interface TurboDecoder {
  getEncodedBuffer(size: number): Uint8Array;
  /** Throws at every warning and error of libjpeg. */
  decode(): void;
  getFrameInfo(): { width: number; height: number; componentCount: number };
  /** Gray or RGB pixels. */
  getDecodedBuffer(): Uint8ClampedArray;
  delete(): void;
}
