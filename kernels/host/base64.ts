/**
 * Decodes base64, in which modules carry binary data.
 *
 * @module
 */

/** Decodes base64. `Uint8Array.from(text, …)` would take sixty times the memory. */
export function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
