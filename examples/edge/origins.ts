/**
 * Which pages may use the server.
 *
 * @module
 */

import { Refusal } from "./refusal.ts";

/** What answers tell browsers: to take them for what they say they are, and to show them in no frame. */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};

/**
 * Refuses what a page of another origin would have done, unless that is one of `allowed`.
 *
 * @throws {Refusal}
 */
export function checkOrigin(request: Request, allowed: readonly string[]): void {
  const origin = foreignOrigin(request);
  if (origin === undefined || allowed.includes(origin) || ["GET", "HEAD"].includes(request.method)) return;
  throw new Refusal(
    403,
    `pages of ${origin} may not use this server, unless it is started with --allow-origin=${origin}`,
  );
}

/** Lets a page of an origin that is allowed read the answer. */
export function crossOriginHeaders(request: Request, allowed: readonly string[]): Record<string, string> {
  const origin = foreignOrigin(request);
  if (origin === undefined || !allowed.includes(origin)) return { vary: "origin" };
  return { vary: "origin", "access-control-allow-origin": origin, "access-control-allow-headers": "content-type" };
}

/** Whether a browser asks if a page may send a request. */
export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && foreignOrigin(request) !== undefined;
}

/** The origin of the page that sends a request, unless it is the server's own. Only pages have one. */
function foreignOrigin(request: Request): string | undefined {
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  const host = request.headers.get("host") ?? URL.parse(request.url)?.host;
  // The scheme may differ: a proxy may take https off the server's hands.
  return URL.parse(origin)?.host === host ? undefined : origin;
}
