/** Starting again with V8's flag for 256-bit vectors, which is for Linux on x86-64. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { repository } from "../support/paths.ts";
import { outputOf, start, startDeno } from "../support/processes.ts";
import { inFolder, MODEL } from "./command.ts";

const FLAG = "--experimental-wasm-revectorize";
/** Another one, which stays. */
const OTHER = "--max-old-space-size=2000";
const TOKENS = JSON.stringify({ indices: [...Array(12).keys()], shape: [1, 3, 4] });

function restartTest(name: string, run: () => Promise<void>): void {
  if (Deno.build.os === "linux" && Deno.build.arch === "x86_64") Deno.test(name, run);
}

function startCli(args: readonly string[], flags = ["-A"]): Deno.ChildProcess {
  return startDeno(["run", ...flags, "--quiet", repository("cli.ts"), ...args], {
    env: { DENO_V8_FLAGS: OTHER, HF_HUB_OFFLINE: "1" },
    stdin: "piped",
  });
}

/** Starts a command that waits for its input. */
function startWaiting(options: readonly string[] = ["--device=wasm"], flags?: string[]): Deno.ChildProcess {
  return startCli(["detokenize", MODEL, "-", "-o", "never.png", ...options], flags);
}

/** The variable of a running process. */
async function v8FlagsOf({ pid }: Deno.ChildProcess): Promise<string> {
  const { stdout } = await outputOf(start("cat", [`/proc/${pid}/environ`]));
  return /(?:^|\0)DENO_V8_FLAGS=([^\0]*)/.exec(stdout)?.[1] ?? "";
}

/** Waits until a process has started again. */
async function restarted(child: Deno.ChildProcess): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const flags = await v8FlagsOf(child);
    if (flags.includes(FLAG)) return flags;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The process has not started again");
}

async function end(child: Deno.ChildProcess, signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
  child.kill(signal);
  await child.stdin.close().catch(() => {});
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  return await child.status;
}

async function detokenize(path: string, ...options: string[]): Promise<Uint8Array> {
  const child = startCli(["detokenize", MODEL, "-", "-o", path, "--device", "wasm", ...options]);
  await new Blob([TOKENS]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await outputOf(child);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout.split(":")[0], `Wrote ${path}`);
  return await Deno.readFile(path);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  restartTest(`a command that started again is the same process, and ends by ${signal}`, async () => {
    const child = startWaiting();
    await restarted(child);
    assertEquals((await end(child, signal)).signal, signal);
  });
}

restartTest("a command that starts again reads the same standard input, and writes the same picture", async () => {
  await inFolder(async (path) => {
    assertEquals(await detokenize(path("größer.png")), await detokenize(path("plain.png"), "--no-restart"));
  });
});

restartTest("a command that started again exits with its own code", async () => {
  const missing = startCli(["profile", "no-such-folder/model", "--device", "wasm"]);
  await missing.stdin.close();
  const { code, stderr } = await outputOf(missing);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "error: ");
});

restartTest("a command starts again once, and keeps V8's other flags", async () => {
  const child = startWaiting();
  assertEquals(await restarted(child), `${OTHER},${FLAG}`);
  await end(child);
});

restartTest(
  "a command does not start again for WebGPU, with --no-restart, or where the flag is ruled out",
  async () => {
    const others = [
      startWaiting(["--device=webgpu"]),
      startWaiting(["--device=wasm", "--no-restart"]),
      startWaiting(["--device=wasm"], ["-A", "--v8-flags=--no-experimental-wasm-revectorize"]),
      startWaiting(["--device=wasm"], ["-A", "--deny-ffi"]),
    ];
    const child = startWaiting();
    await restarted(child);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const other of others) assertEquals(await v8FlagsOf(other), OTHER);
    await Promise.all([child, ...others].map((process) => end(process)));
  },
);

restartTest("info says how wide vectors are, and never asks for a permission", async () => {
  const info = async (...flags: string[]) => {
    const child = startCli(["info", MODEL, "--device=wasm", "--threads=1"], flags);
    await child.stdin.close();
    const { code, stdout, stderr } = await outputOf(child);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return /^CPU +(.*)$/m.exec(stdout)?.[1];
  };
  assertEquals(await info("-A"), `1 thread, 256-bit vectors: commands that compute start again with ${FLAG}`);
  assertEquals(await info("-A", `--v8-flags=${FLAG}`), "1 thread, 256-bit vectors");
  const advice = `1 thread, 256-bit vectors if started with DENO_V8_FLAGS=${FLAG}`;
  assertEquals(await info("-A", "--deny-run"), advice);
  assertEquals(await info("--allow-read", "--allow-env", "--allow-run"), advice);
});
