/**
 * Decides which pages may use the server.
 *
 * @module
 */

import { Refusal } from "./refusal.ts";

/** Headers that keep browsers from guessing content types and from showing responses in frames. */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};

/**
 * Checks the origin of a request other than GET or HEAD.
 *
 * @throws {Refusal} if it comes from a page of another origin that is not one of `allowed`
 */
export function checkOrigin(request: Request, allowed: readonly string[]): void {
  const origin = foreignOrigin(request);
  if (origin === undefined || allowed.includes(origin) || ["GET", "HEAD"].includes(request.method)) return;
  throw new Refusal(
    403,
    `pages of ${origin} may not use this server, unless it is started with --allow-origin=${origin}`,
  );
}

/** Headers that let pages of allowed origins read the response. */
export function crossOriginHeaders(request: Request, allowed: readonly string[]): Record<string, string> {
  const origin = foreignOrigin(request);
  if (origin === undefined || !allowed.includes(origin)) return { vary: "origin" };
  return { vary: "origin", "access-control-allow-origin": origin, "access-control-allow-headers": "content-type" };
}

/** Whether a request is a CORS preflight. */
export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && foreignOrigin(request) !== undefined;
}

/** The origin of the page that sends a request, if it is not the server's own. Other clients send no origin. */
function foreignOrigin(request: Request): string | undefined {
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  const host = request.headers.get("host") ?? URL.parse(request.url)?.host;
  // Compares hosts only: behind a proxy that terminates TLS, the schemes differ.
  return URL.parse(origin)?.host === host ? undefined : origin;
}
