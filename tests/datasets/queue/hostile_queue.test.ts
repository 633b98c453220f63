/** Queues that hold what no worker can use, and workers that cannot do what others can. */
import { assertEquals, assertRejects } from "@std/assert";
import { connect } from "@nats-io/transport-node";
import { openQueue, parseQueueAddress } from "../../../datasets/mod.ts";
import { startPython } from "../python.ts";
import { startServer, type TestServer } from "./nats.ts";

function serverOf({ url }: TestServer) {
  return parseQueueAddress(`${url}/test`);
}

/** Publishes messages as another program might, by subject. */
async function publishRaw({ url }: TestServer, messages: Record<string, string>): Promise<void> {
  const connection = await connect({ servers: url });
  for (const [subject, message] of Object.entries(messages)) connection.publish(`vqmodel.test.${subject}`, message);
  await connection.drain();
}

Deno.test("messages of other programs are set aside, and do not end workers or the status", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server));
  await publishRaw(server, {
    ...{ "jobs.=ZZ": "{}", "jobs.a": "no JSON", "jobs.b": "" },
    ...{ "failed.=Z": "no JSON", "worker.x": "null", "done.=": "" },
  });
  await queue.publish("good", {});
  const handled: string[] = [];
  const options = { worker: "one", faultOf: () => "job" as const };
  assertEquals(
    await queue.work(({ id, value }) => Promise.resolve(handled.push(`${id} ${Object(value) === value}`)), options),
    2,
  );
  assertEquals(handled.sort(), ["=ZZ true", "good true"]);
  const { failed, workers, pending, running } = await queue.status();
  assertEquals([pending, running], [0, 0]);
  assertEquals(failed.map(({ id }) => id), ["=Z", "a", "b"]);
  assertEquals(failed[0].reason, "unknown");
  assertEquals(workers.map(({ id, jobs }) => [id, jobs]), [["one", 2], ["x", 0]]);
});

Deno.test("a worker that fails different jobs in a row ends, and others do them", async () => {
  await using server = await startServer();
  await using queue = await openQueue(serverOf(server));
  const ids = ["1", "2", "3", "4", "5"];
  for (const id of ids) await queue.publish(id, {});
  const broken = () => Promise.reject(new Error("read-only file system"));
  await assertRejects(() => queue.work(broken, { worker: "broken" }), Error, "read-only");
  await assertRejects(() => queue.work(broken, { worker: "unfit", faultOf: () => "worker" }), Error, "read-only");
  assertEquals(await queue.work(() => Promise.resolve(1), { worker: "whole" }), 5);
  const { done, failed } = await queue.status();
  assertEquals([done, failed], [5, []]);
});

Deno.test("two publishers of the same jobs at once publish each of them once", async () => {
  await using server = await startServer();
  await using one = await openQueue(serverOf(server));
  await using two = await openQueue(serverOf(server));
  const ids = Array.from({ length: 40 }, (_, i) => `${i}`);
  const publish = async (queue: typeof one) => {
    let published = 0;
    for (const id of ids) published += Number(await queue.publish(id, {}));
    return published;
  };
  const [first, second] = await Promise.all([publish(one), publish(two)]);
  assertEquals([first + second, (await one.status()).pending], [40, 40]);
});

Deno.test("a server that refuses and resets the connection is an error, and does not end the program", async () => {
  const process = await startPython("queue/refusing_server.py", [], { stderr: "inherit" });
  const output = process.stdout.getReader();
  try {
    const port = new TextDecoder().decode((await output.read()).value).trim();
    const server = parseQueueAddress(`nats://127.0.0.1:${port}/test`);
    for (let attempt = 0; attempt < 5; attempt++) {
      await assertRejects(() => openQueue(server), TypeError, "Authorization Violation");
    }
  } finally {
    process.kill("SIGKILL");
    await output.cancel();
    await process.status;
  }
});
