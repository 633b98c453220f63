// deno-lint-ignore-file no-console
/**
 * Bundles what is used of npm packages that bundlers for browsers refuse, because they import Node's modules, and the program
 * of a worker that uses one.
 *
 * With `--check` only checks whether the bundles are up to date.
 */
import { build, stop } from "./bundling/esbuild.ts";
import { nodeBuiltins } from "./bundling/node_builtins.ts";
import { copySources } from "./build/build.ts";

interface Bundle {
  /** What is bundled: a module's text. */
  readonly contents: string;
  /** Whether the module that is written holds the bundle as a text, the program of a worker. */
  readonly isProgram?: true;
  /** Names that the bundle takes to be something else. */
  readonly define?: Readonly<Record<string, string>>;
  /** The module that is written. */
  readonly output: string;
  /** What it is and who made it. */
  readonly about: string;
}

const BUNDLES: readonly Bundle[] = [
  {
    contents:
      'export { commitIter, createRepo, downloadFile, fileDownloadInfo, listFiles, modelInfo } from "@huggingface/hub";',
    output: "hub/remote/package/hub_package.gen.js",
    about: "What is used of @huggingface/hub (MIT, © Hugging Face)",
  },
  {
    contents: 'export { default } from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";',
    define: { process: "undefined" }, // else it looks for files in Node
    output: "model/images/codecs/jpeg/turbo_glue.gen.js",
    about: "What starts the JPEG decoder of @cornerstonejs/codec-libjpeg-turbo-8bit (ISC and MIT, © Chris Hafey)",
  },
  {
    contents: 'import { sendHeartbeats } from "./datasets/queue/heartbeat_worker.ts"; sendHeartbeats();',
    isProgram: true,
    output: "datasets/queue/heartbeat_program.gen.js",
    about: "The heartbeat of queues' workers, with @nats-io/transport-node (Apache-2.0, © The NATS Authors)",
  },
];

async function textOf({ contents, isProgram, define, output, about }: Bundle, folder: string): Promise<string> {
  const { outputFiles: [{ text }] } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format: isProgram ? "iife" : "esm",
    target: "es2022",
    minify: true,
    drop: ["console"], // a library does not print
    define,
    legalComments: "none",
    charset: "utf8",
    plugins: [nodeBuiltins],
    write: false,
  });
  const types = output.split("/").at(-1)!.replace(/\.js$/, ".d.ts");
  return `// ${about}. Made by \`deno task codecs\`: do not edit.
// deno-fmt-ignore-file
// deno-lint-ignore-file
// @ts-self-types="./${types}"
${isProgram ? `export const PROGRAM = ${JSON.stringify(text)};\n` : text}`;
}

const folder = await Deno.makeTempDir({ prefix: "vqmodel-packages-" });
try {
  await copySources(folder);
  for (const bundle of BUNDLES) {
    const text = await textOf(bundle, folder);
    const file = new URL(`../${bundle.output}`, import.meta.url);
    if (!Deno.args.includes("--check")) await Deno.writeTextFile(file, text);
    else if (await Deno.readTextFile(file) !== text) {
      console.error(`${bundle.output} is not of today's package; run deno task codecs`);
      Deno.exitCode = 1;
    }
  }
} finally {
  await stop();
  await Deno.remove(folder, { recursive: true });
}
