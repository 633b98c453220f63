/** The browser that tests run in. */

const NAMES = [
  ...["chromium", "google-chrome", "chromium-browser", "chrome"],
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The first browser that is installed, if any. */
export async function findBrowser(): Promise<string | undefined> {
  for (const name of NAMES) {
    const found = await new Deno.Command(name, { args: ["--version"] }).output().catch(() => undefined);
    if (found?.success) return name;
  }
}
