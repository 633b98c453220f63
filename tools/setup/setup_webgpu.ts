/** Makes sure that there is a WebGPU adapter for the tests, if only a software one. */
import { provide } from "./apt.ts";

const HELP = `Deno found no graphics driver. Any one will do, a software one (Mesa's llvmpipe) included.
  Debian, Ubuntu   apt-get install mesa-vulkan-drivers
  Fedora           dnf install mesa-vulkan-drivers vulkan-loader
  Arch             pacman -S vulkan-swrast vulkan-icd-loader
  macOS            nothing to install: Metal comes with the system; is this a virtual machine without a GPU?
  Windows          nothing to install: DirectX 12 comes with the system; update the graphics driver`;

await provide("WebGPU adapter", { isThere: hasAdapter, debian: "mesa-vulkan-drivers", help: HELP });

/**
 * Looks in a new process: one that has looked before does not see a driver that was installed since. OpenGL, which Deno
 * falls back on, does not count: it has no float16.
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
