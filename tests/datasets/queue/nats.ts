/** A NATS server for tests. */
import { join } from "@std/path";
import { makeFolder } from "../../support/folders.ts";
import { start } from "../../support/processes.ts";

/** A running server with JetStream, on a free port of this machine. */
export interface TestServer extends AsyncDisposable {
  /** Its address, without a queue's name. */
  readonly url: string;
  /** Kills it, and starts it again with what it stored, after some milliseconds. */
  restart(away?: number): Promise<void>;
}

/** Starts a server; `args` are further arguments. */
export async function startServer(...args: string[]): Promise<TestServer> {
  const folder = await makeFolder();
  const port = freePort();
  const run = () =>
    start("nats-server", ["-js", "-a", "127.0.0.1", "-p", `${port}`, "-sd", join(folder, "store"), ...args]);
  let process = run();
  const stop = async () => {
    process.kill("SIGKILL");
    await process.status;
  };
  await reachable(port);
  return {
    url: `nats://127.0.0.1:${port}`,
    async restart(away = 0) {
      await stop();
      await new Promise((resolve) => setTimeout(resolve, away));
      process = run();
      await reachable(port);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
