/** Queues of jobs, with a real server. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openQueue, parseQueueAddress } from "../../../datasets/mod.ts";
import { provide } from "../../../tools/setup/apt.ts";
import { makeFolder, withFolder } from "../../support/folders.ts";
import { IMPORT_MAP, outputOf, start, startDeno } from "../../support/processes.ts";
import { repository } from "../../support/paths.ts";
import { startServer, type TestServer } from "./nats.ts";

function serverOf({ url }: TestServer, name = "test") {
  return parseQueueAddress(`${url}/${name}`);
}

Deno.test("a job that is published twice is there once, and done once", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server));
  const ids = ["000000", "a/b c.tar", "ä*>.~"];
  for (const id of ids) assert(await queue.publish(id, { id }));
  for (const id of ids) assert(!await queue.publish(id, { id }));
  const tooLarge = queue.publish("large", { text: "x".repeat(2 ** 20) });
  await assertRejects(
    () => tooLarge,
    RangeError,
    "expected at most 1048576 bytes, the server's max_payload, found 1048587",
  );
  await using other = await openQueue(serverOf(server, "other"));
  await other.publish("000000", {});
  assertEquals((await queue.status()).pending, 3);

  const handled: unknown[] = [];
  const worked = await queue.work(({ id, value }) => Promise.resolve(handled.push([id, value])), {
    worker: "one",
  });
  assertEquals(worked, 3);
  assertEquals(handled, ids.map((id) => [id, { id }]));
  const { workers, ...status } = await queue.status();
  assertEquals(status, { pending: 0, running: 0, done: 3, failed: [] });
  assertEquals(workers.map(({ id, jobs, pictures }) => [id, jobs, pictures]), [["one", 3, 1 + 2 + 3]]);
});

Deno.test("a job that fails is tried five times and set aside with its reason", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server));
  await queue.publish("bad", {});
  await queue.publish("good", {});
  const failures: unknown[] = [];
  const handle = ({ id }: { id: string }) => {
    return id === "bad" ? Promise.reject(new Error("no such file")) : Promise.resolve(1);
  };
  await queue.work(handle, { worker: "one", onFailure: (...failure) => failures.push(failure) });
  assertEquals(failures.length, 5);
  assertEquals(failures.at(-1), ["bad", "no such file", true]);
  const { pending, running, done, failed } = await queue.status();
  assertEquals({ pending, running, done, failed }, {
    ...{ pending: 0, running: 0, done: 1 },
    failed: [{ id: "bad", reason: "no such file" }],
  });
});

Deno.test("jobs that nobody has can be removed, and an aborted worker gives its job back", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server));
  for (const id of ["1", "2", "3"]) await queue.publish(id, {});
  const controller = new AbortController();
  await queue.work(async () => {
    assertEquals(await queue.drain(), 2);
    controller.abort();
    throw new Error("aborted");
  }, { worker: "one", signal: controller.signal });
  const handled: string[] = [];
  await queue.work(({ id }) => Promise.resolve(handled.push(id)), { worker: "two" });
  assertEquals(handled, ["1"]);
});

/** Worker processes, and the jobs that they noted. */
interface Crew extends AsyncDisposable {
  readonly workers: readonly Deno.ChildProcess[];
  /** The ids of jobs that were started, or done, once for each time. */
  noted(what: "started" | "done"): Promise<string[]>;
}

async function startWorkers(server: TestServer, count: number): Promise<Crew> {
  const folder = await makeFolder();
  const names = Array.from({ length: count }, (_, i) => `worker-${i}`);
  const script = repository("tests/datasets/queue/worker.ts");
  return {
    workers: names.map((name) =>
      startDeno(["run", "-A", "--no-check", IMPORT_MAP, script, `${server.url}/test`, name, folder])
    ),
    async noted(what) {
      const texts = names.map((name) => Deno.readTextFile(`${folder}/${name}.${what}`).catch(() => ""));
      return (await Promise.all(texts)).join("").split("\n").filter(Boolean);
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

Deno.test("a job that takes longer than the wait for silent workers stays with its worker, though its thread is busy", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server), { redelivery: 2000 });
  await queue.publish("long", 6);
  await using crew = await startWorkers(server, 2);
  await Promise.all(crew.workers.map(({ status }) => status));
  assertEquals([await crew.noted("started"), await crew.noted("done")], [["long"], ["long"]]);
});

Deno.test("every job is done though workers are killed and stopped, and the server is killed and started again", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server), { redelivery: 2000 });
  const ids = Array.from({ length: 9 }, (_, i) => `${i}`);
  for (const id of ids) await queue.publish(id, 1);
  await using crew = await startWorkers(server, 3);
  const [killed, stopped] = crew.workers;
  while ((await crew.noted("started")).length < 3) await pause(50);
  killed.kill("SIGKILL");
  stopped.kill("SIGSTOP");
  await server.restart();
  await pause(3000);
  stopped.kill("SIGCONT");
  await Promise.all(crew.workers.map(({ status }) => status));
  assertEquals([...new Set(await crew.noted("done"))].sort(), ids);
  const { pending, running, done, failed } = await queue.status();
  assertEquals({ pending, running, done, failed }, { pending: 0, running: 0, done: ids.length, failed: [] });
});

Deno.test("addresses and servers that cannot be used are errors without passwords", async () => {
  assertEquals(parseQueueAddress("nats://host/name"), { servers: "nats://host", name: "name" });
  assertEquals(parseQueueAddress("tls://me:p%40ss@host:1/n-1"), {
    ...{ servers: "tls://host:1", name: "n-1", user: "me", password: "p@ss" },
  });
  assertEquals(parseQueueAddress("nats://secret@host/name").token, "secret");
  for (const address of ["nats://host", "nats://a:secret@host/a/b", "http://host/name", "nats:///name", "name", ""]) {
    const { message } = assertThrows(() => parseQueueAddress(address), TypeError, "expected nats://HOST:4222/NAME");
    assert(!message.includes("secret"));
  }
  const nowhere = parseQueueAddress("nats://me:secret@127.0.0.1:1/name");
  const { message } = await assertRejects(() => openQueue(nowhere), TypeError, "Check that a NATS server runs there");
  assert(!message.includes("secret"));
});

Deno.test("a server asks for a user and a password, or for a token, or has no JetStream", async () => {
  await using server = await startServer("--user", "me", "--pass", "secret");
  await assertRejects(() => openQueue(serverOf(server)), TypeError, "Check that");
  await (await openQueue({ ...serverOf(server), user: "me", password: "secret" }))[Symbol.asyncDispose]();
  await using tokens = await startServer("--auth", "secret");
  await (await openQueue(parseQueueAddress(`${tokens.url.replace("//", "//secret@")}/test`)))[Symbol.asyncDispose]();
});

Deno.test("a server with TLS is trusted by its authority's certificate, and not without it", async () => {
  await withFolder(async (folder) => {
    await provide("openssl", {
      isThere: () => outputOf(start("openssl", ["version"])).then(() => true, () => false),
      debian: "openssl",
      help: "found no openssl, which makes the certificate of a test. Install it, and put it on the PATH.",
    });
    const [key, certificate] = ["key.pem", "certificate.pem"].map((name) => `${folder}/${name}`);
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"];
    const name = ["-addext", "subjectAltName=IP:127.0.0.1"];
    const made = await outputOf(start("openssl", [...request, ...name, "-keyout", key, "-out", certificate]));
    assertEquals(made.code, 0, made.stderr);
    await using server = await startServer("--tls", "--tlscert", certificate, "--tlskey", key);
    const address = parseQueueAddress(`${server.url.replace("nats:", "tls:")}/test`);
    await using queue = await openQueue({ ...address, tls: { caFile: certificate } });
    assert(await queue.publish("job", {}));
    await assertRejects(() => openQueue(address), TypeError, "self-signed certificate");
  });
});
