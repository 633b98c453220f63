/**
 * How modules hold binary data.
 *
 * @module
 */

/** A literal of base64 with short lines, so that tools can show them; `atob` skips line breaks. */
export function base64Literal(base64: string): string {
  return `\`\n${base64.match(/.{1,120}/g)!.join("\n")}\n\``;
}
