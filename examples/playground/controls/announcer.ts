/// <reference lib="dom" />
/**
 * What screen readers say.
 *
 * @module
 */

import { find } from "../views/dom.ts";

/** Milliseconds without a new announcement after which one is said. */
const PAUSE = 200;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Announces a text, once no other follows. */
export function announce(text: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => find("p", "announcements").textContent = text, PAUSE);
}
