// deno-lint-ignore-file no-console
/**
 * Time limits in front of `Deno.serve`, which waits forever for the head of a request, and for a response to be read.
 * Serves one request per connection, so that each connection has one time limit.
 *
 * @module
 */

/** Time limit for the head of a request. */
const HEAD_MS = 5_000;
/** Time limit for a connection. */
const CONNECTION_MS = 60_000;
/** Time limit for the server to accept bytes: if it takes longer, it has dropped the body. */
const ACCEPT_MS = 3_000;
/** Time limit for a client to close its connection after it was answered. */
const LINGER_MS = 2_000;
/** Most bytes per read, and of a head. */
const READ_BYTES = 16_384;
/** A read of fewer bytes is followed by a pause, since some clients send byte by byte and each read takes time. */
const FEW_BYTES = 1_000;
/** Length of that pause. */
const PAUSE_MS = 50;
/** Time limit for running requests when the process is interrupted. */
const STOP_MS = 10_000;
/** Most connections without a complete head. If there are more, the oldest is closed. */
const MAX_WITHOUT_HEAD = 128;

/** The end of a head. */
const BLANK_LINE = "\r\n\r\n";

/** Answers requests on a port until the process is interrupted. Finishes running requests first. */
export async function listen(
  answer: (request: Request) => Promise<Response>,
  port: number,
  hostname: string,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const response = await answer(request);
    response.headers.set("connection", "close");
    return response;
  });
  const listener = Deno.listen({ port, hostname });
  console.error(`Listening on http://${hostname}:${listener.addr.port}/`);
  const connections = new Set<Promise<void>>();
  Deno.addSignalListener("SIGINT", () => {
    listener.close();
    setTimeout(Deno.exit, STOP_MS); // a client may never read its response
  });
  for await (const connection of listener) {
    const served = guard(connection, server.addr.port).finally(() => connections.delete(served));
    connections.add(served);
  }
  await Promise.all(connections);
}

/** Leaves a client's end open at the end of a response. */
const STAY_OPEN = { preventClose: true, preventAbort: true };

/** In order of arrival: sets keep the order of insertion. */
const withoutHead = new Set<Deno.TcpConn>();

/** Connects a connection to the server on `port` after its head has arrived, and enforces the time limits. */
async function guard(outer: Deno.TcpConn, port: number): Promise<void> {
  const ends: Deno.TcpConn[] = [outer];
  const close = () => ends.forEach(closeEnd);
  let late = setTimeout(close, CONNECTION_MS);
  try {
    const head = await readHead(outer);
    const inner = await Deno.connect({ hostname: "127.0.0.1", port });
    ends.push(inner);
    await writeAll(inner, head);
    const gone = forward(outer, inner).then(close, close);
    await inner.readable.pipeTo(outer.writable, STAY_OPEN).catch(() => {}); // fails after a response to a dropped body
    await outer.closeWrite();
    clearTimeout(late);
    late = setTimeout(close, LINGER_MS);
    await gone;
  } catch {
    // either end was closed
  } finally {
    clearTimeout(late);
    close();
  }
}

/** Reads a complete head. Throws if it arrives too slowly or is too long. */
async function readHead(connection: Deno.TcpConn): Promise<Uint8Array> {
  withoutHead.add(connection);
  if (withoutHead.size > MAX_WITHOUT_HEAD) {
    const [first] = withoutHead;
    withoutHead.delete(first);
    closeEnd(first);
  }
  const late = setTimeout(() => closeEnd(connection), HEAD_MS);
  const bytes = new Uint8Array(READ_BYTES);
  let size = 0;
  try {
    while (size < READ_BYTES) {
      const count = await connection.read(bytes.subarray(size));
      if (count === null) break;
      size += count;
      if (new TextDecoder("latin1").decode(bytes.subarray(0, size)).includes(BLANK_LINE)) {
        return bytes.subarray(0, size);
      }
      await pauseAfter(count);
    }
    throw new Error("the head of a request is too long or incomplete");
  } finally {
    clearTimeout(late);
    withoutHead.delete(connection);
  }
}

/**
 * Sends the client's bytes to the server until the client is gone. Reads on after the server has dropped the body: an end
 * that is closed before everything was read takes the response with it.
 */
async function forward(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(READ_BYTES);
  let isAccepted = true;
  for (let count; (count = await from.read(bytes)) !== null; await pauseAfter(count)) {
    isAccepted &&= await accept(to, bytes.subarray(0, count));
  }
}

/** Sends bytes to the server. Returns whether it accepts more. */
async function accept(server: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  const late = setTimeout(() => closeEnd(server), ACCEPT_MS);
  return await writeAll(server, bytes).then(() => true, () => false).finally(() => clearTimeout(late));
}

async function pauseAfter(count: number): Promise<void> {
  if (count < FEW_BYTES) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

function closeEnd(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // already closed
  }
}
