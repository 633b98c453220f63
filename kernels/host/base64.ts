/**
 * Base64, in which modules carry what is not text.
 *
 * @module
 */

/** The bytes that base64 stands for. `Uint8Array.from(text, …)` takes sixty times their size for a moment. */
export function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
