/** Runs the Python scripts of these tests. */
import { assertEquals } from "@std/assert";
import { provide } from "../../tools/setup/apt.ts";
import { repository } from "../support/paths.ts";
import { outputOf, start } from "../support/processes.ts";

const HELP = "Install numpy for Python 3: apt-get install python3-numpy, or pip install numpy";

/** Runs a script of this folder with Debian's Python, or another one, that has numpy; returns what it prints. */
export async function python(script: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await outputOf(await startPython(script, args));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}

/** Starts a script of this folder. */
export async function startPython(script: string, args: string[] = [], options = {}): Promise<Deno.ChildProcess> {
  await provide("Python with numpy", {
    isThere: async () => !!await interpreter(),
    debian: "python3-numpy",
    help: HELP,
  });
  return start((await interpreter())!, [repository(`tests/datasets/${script}`), ...args], options);
}

async function interpreter(): Promise<string | undefined> {
  for (const name of ["/usr/bin/python3", "python3"]) {
    const found = await outputOf(start(name, ["-c", "import numpy"])).catch(() => ({ code: 1 }));
    if (found.code === 0) return name;
  }
}
