/** Starting again with V8's flag for 256-bit vectors, which is for Linux on x86-64. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { withFolder } from "../support/folders.ts";
import { repository } from "../support/paths.ts";
import { outputOf, start, startDeno } from "../support/processes.ts";
import { MODEL } from "./command.ts";

const FLAG = "--experimental-wasm-revectorize";
/** With what a command starts again. */
const FLAGS = `${FLAG},--no-liftoff`;
/** A flag of the user's. */
const OTHER = "--max-old-space-size=2000";
const TOKENS = JSON.stringify({ indices: [...Array(12).keys()], shape: [1, 3, 4] });

/** Registers a test that gets a small model in a folder that seems to hold a large one. */
function restartTest(name: string, run: (model: string) => Promise<void>): void {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return;
  Deno.test(name, () =>
    withFolder(async (folder) => {
      for (const file of ["config.json", "diffusion_pytorch_model.safetensors"]) {
        await Deno.copyFile(join(MODEL, file), join(folder, file));
      }
      await Deno.writeFile(join(folder, "diffusion_pytorch_model.bin"), new Uint8Array()); // which is not chosen
      await Deno.truncate(join(folder, "diffusion_pytorch_model.bin"), 1e8);
      await run(folder);
    }));
}

function startCli(args: readonly string[], flags = ["-A"]): Deno.ChildProcess {
  return startDeno(["run", ...flags, "--quiet", repository("cli.ts"), ...args], {
    env: { DENO_V8_FLAGS: OTHER, HF_HUB_OFFLINE: "1" },
    stdin: "piped",
  });
}

/** Starts a command that waits for its input. */
function startWaiting(model: string, options = ["--device=wasm"], flags?: string[]): Deno.ChildProcess {
  return startCli(["detokenize", model, "-", "-o", "never.png", ...options], flags);
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

async function detokenize(model: string, path: string, ...options: string[]): Promise<Uint8Array> {
  const child = startCli(["detokenize", model, "-", "-o", path, "--device", "wasm", ...options]);
  await new Blob([TOKENS]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await outputOf(child);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout.split(":")[0], `Wrote ${path}`);
  return await Deno.readFile(path);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  restartTest(`a command that started again is the same process, and ends by ${signal}`, async (model) => {
    const child = startWaiting(model);
    await restarted(child);
    assertEquals((await end(child, signal)).signal, signal);
  });
}

restartTest("a command that starts again reads the same standard input, and writes the same picture", async (model) => {
  const again = await detokenize(model, join(model, "größer.png"));
  assertEquals(again, await detokenize(model, join(model, "plain.png"), "--no-restart"));
});

restartTest("a command that started again exits with its own code", async () => {
  const missing = startCli(["profile", "no-such-folder/model", "--device", "wasm"]);
  await missing.stdin.close();
  const { code, stderr } = await outputOf(missing);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "error: ");
});

restartTest("a command starts again once, and keeps V8's other flags", async (model) => {
  const child = startWaiting(model);
  assertEquals(await restarted(child), `${OTHER},${FLAGS}`);
  await end(child);
});

restartTest("a command does not start again where it may not, need not or should not", async (model) => {
  const others = [
    startWaiting(MODEL),
    startWaiting(model, ["--device=webgpu"]),
    startWaiting(model, ["--device=wasm", "--no-restart"]),
    startWaiting(model, ["--device=wasm"], ["-A", `--v8-flags=${FLAG.replace("--", "--no-")}`]),
    startWaiting(model, ["--device=wasm"], ["-A", "--deny-ffi"]),
  ];
  const child = startWaiting(model);
  await restarted(child);
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const other of others) assertEquals(await v8FlagsOf(other), OTHER);
  await Promise.all([child, ...others].map((process) => end(process)));
});

restartTest("info says how wide vectors are, and never asks for a permission", async (model) => {
  const info = async (model: string, ...flags: string[]) => {
    const child = startCli(["info", model, "--device=wasm", "--threads=1"], flags);
    await child.stdin.close();
    const { code, stdout, stderr } = await outputOf(child);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return /^CPU +(.*)$/m.exec(stdout)?.[1];
  };
  assertEquals(await info(model, "-A"), `1 thread, 256-bit vectors: commands that compute start again with ${FLAGS}`);
  assertEquals(await info(model, "-A", `--v8-flags=${FLAG}`), "1 thread, 256-bit vectors");
  const advice = `1 thread, 256-bit vectors if started with DENO_V8_FLAGS=${FLAGS}`;
  assertEquals(await info(MODEL, "-A"), advice);
  assertEquals(await info(model, "-A", "--deny-run"), advice);
  assertEquals(await info(model, "--allow-read", "--allow-env", "--allow-run"), advice);
});
