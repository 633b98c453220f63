// deno-lint-ignore-file no-console
/** Installs programs that tests need and the machine lacks, if run as root on Debian or Ubuntu. */

/**
 * Installs a Debian package unless its program is installed.
 *
 * @param name the program, for messages
 * @param help what to do where it cannot be installed
 */
export async function provide(
  name: string,
  { isThere, debian, help }: { isThere: () => Promise<boolean>; debian: string; help: string },
): Promise<void> {
  if (!await isThere() && await mayInstall()) {
    console.error(`No ${name}: installing ${debian}`);
    await aptGet("update");
    await aptGet("install", "-y", "--no-install-recommends", debian);
  }
  if (await isThere()) return;
  console.error(`No ${name}: ${help}\nThen run the tests again.`);
  Deno.exit(1);
}

async function mayInstall(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  return await Deno.stat("/usr/bin/apt-get").then(() => true, () => false);
}

/** Reports failures and continues: the second check decides. */
async function aptGet(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("apt-get", {
    args: ["-qq", ...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) console.error(new TextDecoder().decode(stderr));
}
