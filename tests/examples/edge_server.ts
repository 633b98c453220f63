/**
 * The edge example in a process of its own, and what tests send to it.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Picture } from "../../mod.ts";
import { repository } from "../support/paths.ts";
import { printedBy, start, startDeno } from "../support/processes.ts";

export const EDGE = repository("examples/edge.ts");
/** 512 MB in kibibytes. */
export const MEMORY_LIMIT = 512e6 / 1024;

export interface Server {
  readonly port: number;
  readonly pid: number;
  get(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: BodyInit, init?: RequestInit): Promise<Response>;
}

/** The ways to start the server, with the documented permissions. */
export const RUN = ["run", "--no-prompt", "--allow-net", "--allow-read", EDGE, "0"];
export const SERVE = ["serve", "--no-prompt", "--allow-read", "--host", "127.0.0.1", "--port", "0", EDGE];

/** Runs the server on a free port, in its own process, while `use` runs. */
export async function serving(use: (server: Server) => Promise<void>, args = RUN): Promise<void> {
  const child = startDeno(args, { stdout: "null" });
  let log = "";
  let port = 0;
  const listening = Promise.withResolvers<void>();
  const logged = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      port ||= Number(/Listening on http:\/\/127\.0\.0\.1:(\d+)\//.exec(log)?.[1] ?? 0);
      if (port) listening.resolve();
    }
    listening.reject(new Error(`The server did not start: ${log}`));
  })();
  listening.promise.catch(() => {}); // it may have listened long ago
  try {
    await listening.promise;
    const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init);
    const post = (path: string, body: BodyInit, init = {}) => get(path, { method: "POST", body, ...init });
    await use({ port, pid: child.pid, get, post });
    child.kill("SIGINT");
    const { code } = await child.status;
    await logged;
    if (args === RUN) assertEquals(code, 0); // `deno serve` does not mind the signal
    assertEquals(/\n {4}at |\nwarning/.test(log), false, `the server failed: ${log}`);
  } catch (error) {
    try {
      child.kill("SIGKILL");
    } catch {
      // it ended by itself
    }
    await child.status;
    await logged;
    throw error;
  }
}

/** A picture without repetition. */
export function picture(width: number, height: number): Picture {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    data.set([x * 2 + y, 128 + 100 * Math.sin(x * y / 300), (x * 37 ^ y * 91) & 255], 4 * i);
  }
  return new Picture(width, height, data);
}

export async function assertRefused(response: Response, status: number, message = ""): Promise<void> {
  const text = await response.text();
  assertEquals([response.status, response.headers.get("content-type")], [status, "application/json"], text);
  const { error, ...rest } = JSON.parse(text);
  assertEquals(rest, {});
  assertStringIncludes(error, message);
}

/** Sends the beginning of a request, and closes the connection. */
export async function hangUp(port: number, beginning: string): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(beginning));
}

/** Sends the bytes of a request, and returns the response. */
export async function answerTo(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.writable.getWriter().write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(4096);
  const size = await connection.read(bytes);
  return new TextDecoder().decode(bytes.subarray(0, size ?? 0));
}

/** Peak resident memory of a process in kibibytes. Read by `cat`, since Deno reads `/proc` only with all permissions. */
export async function peakOf(pid: number): Promise<number> {
  const status = await printedBy(start("cat", [`/proc/${pid}/status`]));
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]);
}
