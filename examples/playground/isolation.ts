/// <reference lib="dom" />
/**
 * Isolates the page from other sites, which threads need: by headers of its server or, without those, by a service worker.
 *
 * @module
 */

/** Remembers that the page was loaded again, so that it is not loaded forever. */
const RELOADED = "isolation-reload";

/** Isolates the page if possible. Returns whether the page is about to be loaded again. */
export async function isolate(): Promise<boolean> {
  if (globalThis.crossOriginIsolated || !("serviceWorker" in navigator)) return false;
  if (sessionStorage.getItem(RELOADED)) return false;
  try {
    await navigator.serviceWorker.register("service_worker.js");
    await navigator.serviceWorker.ready;
    sessionStorage.setItem(RELOADED, "yes");
  } catch {
    return false; // one thread will do
  }
  location.reload();
  return true;
}
