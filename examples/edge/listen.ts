// deno-lint-ignore-file no-console
/**
 * Listening, in front of `Deno.serve`: which waits for ever for the head of a request, and for an answer to be read. One
 * request to a connection, so that one clock does for each.
 *
 * @module
 */

/** How long the head of a request may take, */
const HEAD_MS = 5_000;
/** and all of a connection. */
const CONNECTION_MS = 60_000;
/** How long it may take the server to take what comes: longer, and it has given the body up. */
const TAKE_MS = 3_000;
/** The most bytes that are read at once, and of a head. */
const READ_BYTES = 16_384;
/** After fewer bytes than this, */
const FEW_BYTES = 1_000;
/** more are let come together for so long: some send byte by byte, and each reading costs some. */
const GATHER_MS = 50;
/** How long what is under way may take when the process is interrupted. */
const STOP_MS = 10_000;
/** The most connections that have not brought a head. Of more, the first one is closed. */
const MAX_WITHOUT_HEAD = 128;

/** What ends a head. */
const BLANK_LINE = "\r\n\r\n";

/** Answers requests on a port until the process is interrupted; what is under way is finished first. */
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
    setTimeout(Deno.exit, STOP_MS); // a client that never reads its answer is not waited for
  });
  for await (const connection of listener) {
    const served = guard(connection, server.addr.port).finally(() => connections.delete(served));
    connections.add(served);
  }
  await Promise.all(connections);
}

/** Sets keep the order of insertion: the connection that came first is the first. */
const withoutHead = new Set<Deno.TcpConn>();

/** Hands a connection on to the server on `port` once it has brought a head, and ends it when its time is over. */
async function guard(outer: Deno.TcpConn, port: number): Promise<void> {
  const ends: Deno.TcpConn[] = [outer];
  const close = () => ends.forEach(closeEnd);
  const late = setTimeout(close, CONNECTION_MS);
  try {
    const head = await readHead(outer);
    const inner = await Deno.connect({ hostname: "127.0.0.1", port });
    ends.push(inner);
    await writeAll(inner, head);
    handOn(outer, inner).then(close, close); // the client is gone, or the body was given up
    await inner.readable.pipeTo(outer.writable);
  } catch {
    // either end was closed
  } finally {
    clearTimeout(late);
    close();
  }
}

/** Reads until a head is complete; throws where it comes too slowly, or does not end. */
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
      await gather(count);
    }
    throw new Error("the head of a request has no end");
  } finally {
    clearTimeout(late);
    withoutHead.delete(connection);
  }
}

/** Sends what comes from the client to the server. */
async function handOn(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(READ_BYTES);
  for (let count; (count = await from.read(bytes)) !== null; await gather(count)) {
    const late = setTimeout(() => closeEnd(to), TAKE_MS);
    await writeAll(to, bytes.subarray(0, count)).finally(() => clearTimeout(late));
  }
}

async function gather(count: number): Promise<void> {
  if (count < FEW_BYTES) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

function closeEnd(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // it is closed
  }
}
