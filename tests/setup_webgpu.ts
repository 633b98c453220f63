// deno-lint-ignore-file no-console
/**
 * Makes sure that there is a WebGPU adapter to test on, a software one if need be: installs Debian's where it may, and
 * says what to install where it may not. Tests that need a GPU would otherwise not run, which is a failure.
 */

const HELP =
  `No WebGPU adapter: Deno found no graphics driver. Any one will do, a software one (Mesa's llvmpipe) included.
  Debian, Ubuntu   apt-get install mesa-vulkan-drivers
  Fedora           dnf install mesa-vulkan-drivers vulkan-loader
  Arch             pacman -S vulkan-swrast vulkan-icd-loader
  macOS            nothing to install: Metal comes with the system; is this a virtual machine without a GPU?
  Windows          nothing to install: DirectX 12 comes with the system; update the graphics driver
Then run the tests again.`;

if (!await hasAdapter() && await mayInstall()) {
  console.error("No WebGPU adapter: installing mesa-vulkan-drivers");
  await aptGet("update");
  await aptGet("install", "-y", "--no-install-recommends", "mesa-vulkan-drivers");
}
if (!await hasAdapter()) {
  console.error(HELP);
  Deno.exit(1);
}

/**
 * Looks in a fresh process: one that has looked before does not see a driver installed since. OpenGL, which Deno falls
 * back on, does not count: it has no float16.
 */
async function hasAdapter(): Promise<boolean> {
  const script = "Deno.exit(await navigator.gpu.requestAdapter() ? 0 : 1)";
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", script],
    env: { DENO_WEBGPU_BACKEND: "vulkan,metal,dx12" },
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

async function mayInstall(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  return await Deno.stat("/usr/bin/apt-get").then(() => true, () => false);
}

/** Says what goes wrong, and goes on: the second look for an adapter decides. */
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
