/** Makes sure that there is a browser for the tests. */
import { provide } from "./apt.ts";
import { findBrowser } from "./browser.ts";

await provide("browser", {
  isThere: async () => await findBrowser() !== undefined,
  debian: "chromium",
  help: `found neither Chromium nor Google Chrome, by whose names tests start it.
  Debian     apt-get install chromium
  Fedora     dnf install chromium
  Arch       pacman -S chromium
  elsewhere  install Google Chrome, and put chrome on the PATH`,
});
