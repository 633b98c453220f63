/**
 * Reads sources of pictures: paths, URLs, bytes, bodies of responses, canvases, and pixels.
 *
 * @module
 */

import { hasFileSystem, readBytes } from "../../hub/mod.ts";
import { publicCause, show, showText } from "../../hub/show.ts";
import { expandSamples, type Raster } from "./raster/raster.ts";

/** Pixels in memory, such as an `ImageData` or a `Picture`. */
export interface PixelData {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Bytes, row by row: gray, RGB or RGBA, depending on their number. Alpha is ignored. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** What browsers can draw on a canvas: an `ImageBitmap`, an `OffscreenCanvas`, or a `VideoFrame`. */
export type Drawable = ImageBitmap | OffscreenCanvas | {
  readonly displayWidth: number;
  readonly displayHeight: number;
};

/** The methods of a canvas context that are used here. */
interface Context2D {
  drawImage(source: Drawable, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): PixelData;
}

/**
 * A picture file: its path or URL, its bytes, or a `Blob`, `File`, `Response` or stream of them. In browsers, paths are URLs
 * relative to the page.
 */
export type FileSource =
  | string
  | URL
  | Uint8Array
  | Uint8ClampedArray
  | DataView
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | Response
  | ReadableStream<Uint8Array>;

/**
 * A picture: the path or URL (`file:`, `https:`, `http:`, `data:`, `blob:`) of a picture file, its bytes, a `Blob`,
 * `File`, `Response` or stream of them, pixels, or what the platform can draw on a canvas. In browsers, paths are URLs
 * relative to the page.
 */
export type PictureSource = FileSource | PixelData | ImageData | Drawable;

/** Limit of a picture file that is read from a stream, in bytes. */
const MAX_FILE_BYTES = 2 ** 28;

/** The accepted sources, for error messages. */
export const EXPECTED_SOURCE =
  "expected a path, a URL, the bytes of a picture file, a Blob, Response or stream of them, " +
  "or { width, height, data } with data in a Uint8Array or Uint8ClampedArray";

/** Reads a source: the bytes of a file, or pixels. */
export async function readSource(source: PictureSource, signal?: AbortSignal): Promise<Uint8Array | PixelData> {
  if (typeof source === "string" || source instanceof URL) return await readAddress(source, signal);
  if (source instanceof Uint8Array) return source;
  if (source instanceof Uint8ClampedArray || source instanceof DataView) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  if (source instanceof ArrayBuffer || isShared(source)) return new Uint8Array(source);
  if (source instanceof Blob) return await readStream(source.stream(), signal);
  if (source instanceof Response) return await readResponse(source, signal);
  if (source instanceof ReadableStream) return await readStream(source, signal);
  if (isDrawable(source)) return drawn(source);
  const { width, height, data } = Object(source) as PixelData;
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return { width, height, data };
  throw new TypeError(`Cannot preprocess picture: ${EXPECTED_SOURCE}`);
}

/** The name of a source for messages, if it has one. */
export function nameOf(source: unknown): string | undefined {
  if (source instanceof Response) return source.url ? nameOf(source.url) : undefined;
  const name = source instanceof URL ? source.href : source instanceof Blob ? (source as Partial<File>).name : source;
  if (typeof name !== "string") return undefined;
  return name.startsWith("data:") ? "a data: URL" : showText(name);
}

/** The scheme of a URL. A single letter is a Windows drive. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

async function readAddress(address: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  const scheme = SCHEME.exec(String(address))?.[1].toLowerCase();
  if (scheme === undefined && !hasFileSystem()) return await readUrl(String(address), signal); // relative to the page
  if (scheme === undefined || scheme === "file") return await readFile(address, signal);
  if (["http", "https", "data", "blob"].includes(scheme)) return await readUrl(String(address), signal);
  throw new TypeError(
    `Cannot read picture ${show(String(address))}: expected a path or a file:, http:, https:, data: or blob: URL, ` +
      `found ${showText(scheme, 20)}:`,
  );
}

async function readFile(path: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const place = typeof path === "string" && SCHEME.test(path) ? new URL(path) : path;
    return await readBytes(place, signal);
  } catch (cause) {
    throw cannotRead(path, "expected the path of a picture file, or its bytes", cause, signal);
  }
}

async function readUrl(url: string, signal?: AbortSignal): Promise<Uint8Array> {
  const expected = "expected the URL of a picture file";
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (cause) {
    throw cannotRead(url, expected, cause, signal);
  }
  if (response.ok) return await readResponse(response, signal);
  await response.body?.cancel();
  throw cannotRead(url, expected, new Error(`found status ${response.status}`));
}

/** The error for a file or URL that cannot be read. Deno's own error says which permission is missing. */
function cannotRead(address: string | URL, expected: string, cause: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (cause instanceof Error && cause.name === "NotCapable") return cause;
  const known = publicCause(cause); // the URL may be signed
  return new TypeError(`Cannot read picture ${show(String(address))}: ${expected}; ${known.message}`, { cause: known });
}

async function readResponse(response: Response, signal?: AbortSignal): Promise<Uint8Array> {
  const { ok, status, body, url } = response;
  if (ok && body) return await readStream(body, signal);
  await body?.cancel();
  throw new TypeError(
    `Cannot read picture${url && ` from ${show(url)}`}: expected a response with a body, found status ${status}`,
  );
}

/** Reads a stream to its end, up to {@linkcode MAX_FILE_BYTES}. */
async function readStream(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const collect = new WritableStream<Uint8Array>({
    write(part) {
      size += part.length;
      if (size > MAX_FILE_BYTES) {
        throw new RangeError(`Cannot read picture: it has more than ${MAX_FILE_BYTES} bytes; save it to a file first`);
      }
      parts.push(part.slice());
    },
  });
  try {
    await stream.pipeTo(collect, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    if (size > MAX_FILE_BYTES) throw cause;
    const known = publicCause(cause); // it may contain a signed URL
    throw new TypeError(`Cannot read picture: expected all bytes of its file; ${known.message}`, { cause: known });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function isShared(source: unknown): source is SharedArrayBuffer {
  return typeof SharedArrayBuffer !== "undefined" && source instanceof SharedArrayBuffer;
}

function isDrawable(source: unknown): source is Drawable {
  const names = ["ImageBitmap", "OffscreenCanvas", "VideoFrame", "HTMLImageElement", "HTMLCanvasElement"];
  const classes = globalThis as unknown as Record<string, (abstract new () => unknown) | undefined>;
  return names.some((name) => classes[name] && source instanceof classes[name]);
}

/** The pixels of a drawable. */
function drawn(source: Drawable): PixelData {
  const { width, height } = "displayWidth" in source
    ? { width: source.displayWidth, height: source.displayHeight }
    : source;
  const { OffscreenCanvas: Canvas } = globalThis as { OffscreenCanvas?: typeof OffscreenCanvas };
  const context = Canvas && new Canvas(width, height).getContext("2d") as Context2D | null;
  if (!context) {
    throw new TypeError("Cannot read picture: this platform has no OffscreenCanvas to draw it on; pass its file");
  }
  context.drawImage(source, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/** Converts gray, RGB or RGBA bytes to opaque RGBA. */
export function toRaster({ width, height, data }: PixelData): Raster {
  const pixels = width * height;
  const channels = data.length / pixels;
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new RangeError(
      `Cannot preprocess picture: ${width}×${height} pixels need ${pixels} bytes of gray, ${3 * pixels} of RGB ` +
        `or ${4 * pixels} of RGBA, found ${data.length}`,
    );
  }
  return { width, height, data: expandSamples(data, channels) };
}
