/**
 * The address of a Hub, and where it may lead.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { keepSecret, showText } from "../show.ts";

/** The address of a Hub, and the name and the password that were in it. */
export interface HubAddress {
  /** Without name and password, and without slashes at its end, so that paths can be put after it. */
  readonly hubUrl: string;
  /** A header `Authorization` of name and password; absent where there are none. */
  readonly authorization?: string;
}

/**
 * Takes the address of a Hub apart. Its password is kept out of messages from now on.
 *
 * @throws {HubError} if it is none
 */
export function parseHubUrl(hubUrl: string): HubAddress {
  const url = URL.canParse(hubUrl) ? new URL(hubUrl) : undefined;
  if (!url || !/^https?:\/\//.test(hubUrl) || url.search || url.hash) {
    const shown = hubUrl.replace(/^.*@/s, "…@").replace(/[?#].*$/s, "…"); // what is before an @ may be a password
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

/** What is no escape stands for itself, as in browsers. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The address that somebody leads to: by https, or by http from where http was asked for.
 *
 * @param task what messages begin with
 * @param from the address that was asked, which `address` may be relative to
 * @throws {HubError} if it is none, or a file, or no longer protected
 */
export function addressFrom(address: string, from: URL, task: string): URL {
  if (!URL.canParse(address, from.href)) {
    throw new HubError(`${task}: ${showText(from.origin)} leads to something that is no address`, { url: from.origin });
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
