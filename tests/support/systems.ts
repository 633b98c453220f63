/** Tests of what not every operating system has. */

/** Registers a test that needs a shell, signals, permissions of files or paths as Linux and macOS have them. */
export function testOnUnix(name: string, run: () => void | Promise<void>): void {
  if (Deno.build.os !== "windows") Deno.test(name, run);
}
