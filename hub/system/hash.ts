/**
 * Hashes of bytes that come in parts, which WebCrypto has not: by Node's `crypto`, elsewhere by `@noble/hashes`, at about a
 * tenth of the speed.
 *
 * @module
 */

import { findNodeModule } from "./node_modules.ts";

/** The hash of the bytes so far. */
export interface Hash {
  /** Appends bytes. */
  update(bytes: Uint8Array): void;
  /** Ends the hash, and returns it in hexadecimal digits. */
  hex(): string;
}

/** The SHA-256 of bytes, in hexadecimal digits. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Starts the hash of no bytes. */
export async function startHash(algorithm: "sha1" | "sha256"): Promise<Hash> {
  const hash = findNodeModule("node:crypto")?.createHash(algorithm);
  if (hash) return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
  return await startPortableHash(algorithm);
}

async function startPortableHash(algorithm: "sha1" | "sha256"): Promise<Hash> {
  const { bytesToHex } = await import("@noble/hashes/utils.js");
  const hash = algorithm === "sha256"
    ? (await import("@noble/hashes/sha2.js")).sha256.create()
    : (await import("@noble/hashes/legacy.js")).sha1.create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
