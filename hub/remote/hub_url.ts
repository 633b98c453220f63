/**
 * URLs of the Hub, and of its redirects.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { keepSecret, showText } from "../show.ts";

/** The URL of a Hub, apart from its credentials. */
export interface ParsedHubUrl {
  /** URL without credentials and trailing slashes, so that paths can be appended. */
  readonly hubUrl: string;
  /** Header `Authorization` with user name and password; absent if there are none. */
  readonly authorization?: string;
}

/**
 * Parses the URL of a Hub. Later messages do not show its password.
 *
 * @throws {HubError} if it is not valid
 */
export function parseHubUrl(hubUrl: string): ParsedHubUrl {
  const url = URL.canParse(hubUrl) ? new URL(hubUrl) : undefined;
  if (!url || !/^https?:\/\//.test(hubUrl) || url.search || url.hash) {
    const shown = hubUrl.replace(/^.*@/s, "…@").replace(/[?#].*$/s, "…"); // a password may be before the @
    throw new HubError(
      `Cannot use hubUrl "${shown}": expected the address of a Hub, with https://, and nothing after it`,
    );
  }
  return { hubUrl: url.origin + url.pathname.replace(/\/+$/, ""), authorization: basicAuthorization(url) };
}

function basicAuthorization({ username, password }: URL): string | undefined {
  if (!username && !password) return undefined;
  const utf8 = new TextEncoder().encode(`${decode(username)}:${decode(password)}`);
  const credentials = btoa(String.fromCharCode(...utf8));
  for (const secret of [password, decode(password), credentials]) keepSecret(secret);
  return `Basic ${credentials}`;
}

/** Decodes a part of a URL. Invalid escapes stay unchanged, as in browsers. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Resolves the URL of a request or redirect: https, or http if `from` is http, too.
 *
 * @param task start of messages
 * @param from the base, if `address` is relative
 * @throws {HubError} if the URL is not valid, or has another scheme
 */
export function resolveUrl(address: string, from: URL, task: string): URL {
  if (!URL.canParse(address, from.href)) {
    throw new HubError(`${task}: ${showText(from.origin)} leads to an invalid URL`, { url: from.origin });
  }
  const url = new URL(address, from);
  if (url.protocol === "https:" || url.protocol === "http:" && from.protocol === "http:") return url;
  throw new HubError(
    `${task}: ${showText(from.origin)} leads to an address of ${showText(url.protocol)}, expected https:`,
    {
      url: from.origin,
    },
  );
}
