// deno-lint-ignore-file no-console
/**
 * Listening, with limits that `Deno.serve` does not have: on the time that the head of a request may take, and its answer.
 *
 * @module
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** How long the head of a request may take, */
const HEAD_MS = 5_000;
/** all of the request, */
const REQUEST_MS = 20_000;
/** and an answer to be read. */
const ANSWER_MS = 20_000;
/** The most connections that have not brought the head of a request. Of more, the first one is closed. */
const MAX_IDLE = 128;

/** What is asked for where that is no address. */
const NOWHERE = "http://localhost/nowhere";

/** Answers requests on a port until the process is interrupted; what is under way is finished first. */
export async function listen(
  answer: (request: Request) => Promise<Response>,
  port: number,
  hostname: string,
): Promise<void> {
  const server = createServer({
    headersTimeout: HEAD_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: HEAD_MS,
    connectionsCheckingInterval: 1_000,
  });
  const idle = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    idle.add(socket);
    socket.on("close", () => idle.delete(socket));
    if (idle.size > MAX_IDLE) [...idle][0].destroy();
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    idle.delete(request.socket);
    respond(answer, request, response).catch(() => response.destroy()); // it is no request to browsers, such as TRACE
  });
  const closed = new Promise((resolve) => server.on("close", resolve));
  server.listen(port, hostname, () => {
    const { port } = server.address() as { port: number };
    console.error(`Listening on http://${hostname}:${port}/`);
  });
  Deno.addSignalListener("SIGINT", () => {
    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), REQUEST_MS); // a client that never stops sending is not waited for
  });
  await closed;
}

async function respond(
  answer: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const response = await answer(toRequest(incoming, gone.signal));
  outgoing.writeHead(response.status, [...response.headers].flat());
  outgoing.end(await response.bytes());
  letPass(incoming);
  const late = setTimeout(() => outgoing.destroy(), ANSWER_MS);
  outgoing.on("close", () => clearTimeout(late));
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const body = method === "GET" || method === "HEAD" ? undefined : toStream(incoming);
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new Request(URL.parse(`http://${headers.host}${url}`) ?? NOWHERE, { method, headers: pairs, body, signal });
}

/** The body, as fast as it is read. */
function toStream(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      incoming.on("data", (piece) => {
        controller.enqueue(piece);
        incoming.pause();
      });
      incoming.on("end", () => controller.close());
      incoming.on("error", (error) => controller.error(error));
      incoming.pause();
    },
    pull() {
      incoming.resume();
    },
    cancel: () => letPass(incoming),
  });
}

/** What is left of a body that nobody reads: clients may read no answer before they have sent all. */
function letPass(incoming: IncomingMessage): void {
  incoming.removeAllListeners("data").removeAllListeners("end").resume();
}
