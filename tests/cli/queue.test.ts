/** Data sets on workers, as processes, with a real server. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { statusText } from "../../cli/datasets/queue_status.ts";
import { ForeignJobError, shardWorker } from "../../cli/datasets/queue_jobs.ts";
import { openQueue, PACKAGE, parseQueueAddress, SourceError } from "../../datasets/mod.ts";
import { Picture } from "../../mod.ts";
import { startServer } from "../datasets/queue/nats.ts";
import { withFolder } from "../support/folders.ts";
import { repository } from "../support/paths.ts";
import { IMPORT_MAP, outputOf, startDeno } from "../support/processes.ts";
import { cli, fail, MODEL, succeed } from "./command.ts";

/** Writes pictures that all differ. */
async function writePictures(folder: string, count: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    const data = Uint8ClampedArray.from({ length: 4 * 32 * 32 }, (_, at) => at % 4 === 3 ? 255 : (at * (i + 3)) % 251);
    await new Picture(32, 32, data).save(join(folder, `${i}.png`.padStart(8, "0")));
  }
}

function startWorker(address: string): Deno.ChildProcess {
  return startDeno(
    [
      "run",
      "-A",
      "--no-check",
      IMPORT_MAP,
      repository("cli.ts"),
      "worker",
      "--queue",
      address,
      "--device",
      "wasm",
      "--threads",
      "1",
    ],
  );
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(folder, name)));
    files.set(name, new Uint8Array(hash).toHex());
  }
  return new Map([...files].sort());
}

Deno.test("workers that are killed and stopped, and a server that is restarted, leave the files of a local run", async () => {
  await withFolder(async (folder) => {
    const [local, remote] = ["local", "remote"].map((name) => join(folder, name));
    const pictures = join(folder, "p".repeat(200), "q".repeat(200)); // too long for all to be in each message
    await writePictures(pictures, 60);
    const paths = [...Deno.readDirSync(pictures)].map(({ name }) => join(pictures, name)).sort();
    const command = ["tokenize", MODEL, ...paths, "--shard-size", "4", "--size", "96"];
    await succeed(...command, "-o", local, "--device", "wasm", "--threads", "1", "--quiet");

    await using server = await startServer();
    const address = `${server.url}/test`;
    const onQueue = [...command, "-o", remote, "--queue", address, "--redelivery", "3"];
    assertStringIncludes(await succeed(...onQueue), "Published 15 of 15 shards to test\n");
    assert([...Deno.readDirSync(join(remote, ".unfinished"))].some(({ name }) => name.endsWith(".inputs")));
    assertStringIncludes(await succeed(...onQueue), "Published 0 of 15 shards to test\n");
    const workers = [1, 2, 3].map(() => startWorker(address));
    const ends = workers.map(outputOf);
    const shards = async () =>
      [...(await filesOf(remote).catch(() => new Map())).keys()].filter((name) => name.endsWith(".tar"));
    while ((await shards()).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    workers[0].kill("SIGKILL");
    workers[1].kill("SIGSTOP");
    await server.restart();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    workers[1].kill("SIGCONT");
    const watched = await cli([...onQueue, "--watch", "--device", "wasm"]);
    assertEquals(watched.code, 0, watched.stderr);
    for (const end of ends.slice(1)) assertEquals((await end).code, 0, (await end).stderr);
    assertEquals(await filesOf(remote), await filesOf(local));
    assertEquals([...Deno.readDirSync(remote)].length, 16); // the list of inputs is gone

    const status = JSON.parse(await succeed("queue", "status", address, "--json"));
    assertEquals([status.pending, status.running, status.failed], [0, 0, []]);
    assertStringIncludes(await succeed("queue", "status", address), " of ");
  });
});

Deno.test("a shard that cannot be read is tried five times and set aside with its reason; the others are done", async () => {
  await withFolder(async (folder) => {
    const [pictures, output] = ["pictures", "output"].map((name) => join(folder, name));
    await writePictures(pictures, 2);
    const broken = join(folder, "broken.tar");
    await Deno.writeFile(broken, new Uint8Array(1024).fill(255));
    await using server = await startServer();
    const address = `${server.url}/test`;
    const command = ["tokenize", MODEL, pictures, broken, "-o", output, "--queue", address];
    await succeed(...command);
    const worker = await outputOf(startWorker(address));
    assertEquals(worker.code, 0);
    assertStringIncludes(worker.stderr, "broken: set aside: ");
    assertEquals(worker.stderr.match(/will be tried again/g)?.length, 4);
    const { done, failed } = JSON.parse(await succeed("queue", "status", address, "--json"));
    assertEquals([done, failed.length], [1, 1]);
    assertStringIncludes(failed[0].id, "broken");

    await Deno.remove(broken);
    await Deno.writeFile(broken, new Uint8Array(1024)); // an empty archive
    assertStringIncludes(await succeed(...command), "Published 1 of 2 shards");
    assertEquals(await succeed("queue", "drain", address), "Removed 1 pending jobs\n");
    assert(!(await Deno.stat(join(output, "broken.tar")).catch(() => undefined)));
  });
});

Deno.test("workers are watched on when the server was away", async () => {
  await withFolder(async (folder) => {
    const [pictures, output] = ["pictures", "output"].map((name) => join(folder, name));
    await writePictures(pictures, 1);
    await using server = await startServer();
    const address = `${server.url}/test`;
    const watch = startDeno([
      ...["run", "-A", "--no-check", IMPORT_MAP, repository("cli.ts"), "tokenize", MODEL, pictures, "-o", output],
      ...["--queue", address, "--watch", "--device", "wasm", "--threads", "1"],
    ]);
    const states = watch.stderr.values();
    await states.next(); // it watches
    await server.restart(2000); // it looks every second
    const worker = await outputOf(startWorker(address));
    assertEquals(worker.code, 0, worker.stderr);
    await Array.fromAsync(states);
    const stdout = await new Response(watch.stdout).text();
    assertEquals((await watch.status).code, 0);
    assertStringIncludes(stdout, `Wrote ${output}: 1 shard, 1 picture`);
  });
});

Deno.test("a worker sets messages that are no jobs aside, and ends at jobs of another version", async () => {
  await using server = await startServer();
  const address = `${server.url}/test`;
  await using queue = await openQueue(parseQueueAddress(address));
  for (const [id, value] of Object.entries({ a: null, b: 7, c: { model: MODEL }, d: { inputs: "x" } })) {
    await queue.publish(id, value);
  }
  const worker = await outputOf(startWorker(address));
  assertEquals(worker.code, 0, worker.stderr);
  assertStringIncludes(worker.stderr, "set aside: expected a job of vqmodel tokenize --queue");
  assertEquals((await queue.status()).failed.length, 4);

  const job = {
    model: MODEL,
    inputs: [],
    output: { path: "o", kind: "folder", format: "tar" },
    options: {},
    shard: "s",
  };
  await queue.publish("old", { ...job, package: "@codebook/vqmodel 0.0.1" });
  const { code, stderr } = await outputOf(startWorker(address));
  assertEquals(code, 1);
  assertStringIncludes(stderr, "the job is of @codebook/vqmodel 0.0.1: use the same version");
  assertEquals((await queue.status()).failed.length, 4);
});

Deno.test("a list of inputs that is gone, or is another file, is an error of the job", async () => {
  await withFolder(async (folder) => {
    const output = { path: join(folder, "out"), kind: "folder", format: "tar" };
    const list = join(folder, `${"ab".repeat(32)}.inputs`);
    const job = { package: PACKAGE, model: MODEL, inputs: list, output, options: {}, shard: "000000" };
    using worker = shardWorker({}, new AbortController().signal);
    const handle = (changes = {}) => worker.handle({ ...job, ...changes }, () => {});
    await assertRejects(() => handle({ inputs: "/dev/zero" }), ForeignJobError);
    await assertRejects(() => handle(), SourceError, "publish the data set again");
    await Deno.writeTextFile(list, "secret");
    await assertRejects(
      () => handle(),
      SourceError,
      "expected the list of inputs that was published, found another file",
    );
  });
});

Deno.test("the status has rates, also of workers that say no seconds", () => {
  const worker = { id: "a", jobs: 2, pictures: 20, seconds: 10, lastSeen: new Date() };
  const workers = [worker, { ...worker, id: "b", jobs: 0, pictures: 0, seconds: 0 }];
  const text = statusText({ pending: 3, running: 1, done: 2, failed: [], workers });
  assertStringIncludes(text, "2 of 6 shards, 1 running, 2 workers, 2.0 pictures/s, 20 s left\n");
  assertStringIncludes(text, "0 shards, 0 pictures, 0.0 pictures/s");
});

Deno.test("addresses of queues that cannot be used are errors", async () => {
  assertStringIncludes(await fail(2, "worker"), "--queue is needed");
  assertStringIncludes(await fail(1, "worker", "--queue", "nats://127.0.0.1:1/test"), "Check that a NATS server runs");
  assertStringIncludes(await fail(1, "queue", "status", "here"), "expected nats://HOST:4222/NAME");
});
