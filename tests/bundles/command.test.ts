/** The command line of the built package in Node, in the oldest version whose vectors have the instructions of Deno's. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { ImageProcessor, readTokens, VQModel } from "../../mod.ts";
import { AMUSED, PICTURE, SIZE, succeed } from "../cli/command.ts";
import { LEAVES, numbered, writePictures } from "../datasets/pictures.ts";
import { testOn } from "../support/engines.ts";
import { withFolder } from "../support/folders.ts";
import { type Output, outputOf, printedBy } from "../support/processes.ts";
import { buildDist } from "./dist.ts";
import { startRuntime } from "./runtimes.ts";

async function startNode(args: readonly string[], stdin: Deno.CommandOptions["stdin"] = "null") {
  return await startRuntime("node@22", [join(await buildDist(), "cli.js"), ...args], { stdin });
}

/** Runs a command in Node. */
async function node(args: readonly string[], input?: string): Promise<Output> {
  const child = await startNode(args, input === undefined ? "null" : "piped");
  if (input !== undefined) await new Blob([input]).stream().pipeTo(child.stdin);
  return await outputOf(child);
}

testOn("wasm", "commands do in Node what they do in Deno: help, files, pipes, exit codes", async () => {
  const help = await node(["--help"]);
  assertMatch(help.stdout, /Usage: npx @codebook\/vqmodel COMMAND/);
  assertEquals({ ...help, stdout: "" }, { code: 0, stdout: "", stderr: "" });
  const unread = await startNode(["info", AMUSED]);
  await unread.stdout.cancel();
  assertEquals(await new Response(unread.stderr).text(), "");
  assertMatch((await node(["info", AMUSED])).stdout, /^engine +wasm, float32\nCPU +\d+ threads?, 128-bit vectors\n/);
  const { code, stderr } = await node(["tokenise"]);
  assertEquals([code, stderr], [2, 'error: unknown command "tokenise": did you mean tokenize?\n']);

  const tokenize = ["tokenize", AMUSED, PICTURE, ...SIZE, "--device=wasm", "-o", "-"];
  const tokens = await node(tokenize);
  assertEquals(tokens, { code: 0, stdout: await succeed(...tokenize), stderr: "" });
  await withFolder(async (folder) => {
    const output = join(folder, "out.png");
    const made = await node(["detokenize", AMUSED, "-", "-o", output, "--device=wasm"], tokens.stdout);
    assertEquals(made, { code: 0, stdout: `Wrote ${output}: 64×48\n`, stderr: "" });
    using model = await VQModel.fromPretrained(AMUSED, { device: "wasm" });
    using decoded = await model.detokenize(await readTokens(new TextEncoder().encode(tokens.stdout)));
    const processor = ImageProcessor.for(model);
    const [picture] = await processor.postprocess(decoded);
    const pixels = [output, picture].map(async (picture) => await (await processor.preprocess(picture)).data());
    assertEquals(await pixels[0], await pixels[1]); // runtimes deflate in other ways
  });
});

testOn("wasm", "Ctrl-C ends a run in Node, and the same command goes on", async () => {
  await withFolder(async (folder) => {
    const [pictures, out] = ["pictures", "tokens"].map((name) => join(folder, name));
    await writePictures(pictures, 4, { corrupt: [1] });
    const [requested, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = Deno.serve({ port: 0, onListen() {} }, async () => {
      requested.resolve();
      await answered.promise;
      return new Response(numbered(9));
    });
    using _end = { [Symbol.dispose]: answered.resolve };
    const url = `http://127.0.0.1:${server.addr.port}/remote.png`;
    const args = ["tokenize", LEAVES, pictures, url, "-o", out, "--device=wasm", "--shard-size=2"];
    const interrupted = await startNode(args);
    await requested.promise;
    interrupted.kill("SIGINT");
    const { code, stderr } = await outputOf(interrupted);
    assertMatch(stderr, /^error: interrupted: .+ finished\. Run the same command again to go on\n$/);
    assertEquals(code, 130);

    answered.resolve();
    const { stdout, ...end } = await node(args);
    assertEquals(stdout, `Wrote ${out}: 3 shards, 4 pictures, 256 tokens, 8×8\n`);
    const failed = `error: 1 of 5 pictures failed: see ${out}/failures.jsonl; --retry-failures tries them again\n`;
    assertEquals(end, { code: 3, stderr: failed });
  });
});

testOn("wasm", "the worker that the command line names serves models in Node", async () => {
  const dist = await buildDist();
  const [, name] = /new URL\("([^"]*)",import\.meta\.url\)/.exec(await Deno.readTextFile(join(dist, "cli.js")))!;
  const code = `
    import { Worker } from "node:worker_threads";
    import { VQModel } from ${JSON.stringify(join(dist, "mod.js"))};
    const worker = new Worker(${JSON.stringify(join(dist, name))}, { execArgv: [] });
    const { threads } = await VQModel.inWorker(worker, ${JSON.stringify(LEAVES)}, { device: "wasm", threads: 1 });
    console.log(threads);
    await worker.terminate();
  `;
  assertEquals(await printedBy(await startRuntime("node@22", ["--input-type=module", "-e", code])), "1\n");
});
