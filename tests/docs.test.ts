/** The documents say what is true of this checkout: links, paths, tasks and examples. */
import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { AMUSED, inFolder, PICTURE, succeed } from "./cli/command.ts";
import { FILES, fromRoot, read } from "./support/checkout.ts";
import { withFolder } from "./support/folders.ts";
import { repository } from "./support/paths.ts";
import { outputOf, startDeno } from "./support/processes.ts";

const ROOT = repository("");
const DOCUMENTS = FILES.filter((file) => /^([A-Z]+\.md|docs\/.*\.md|\.github\/.*\.md|examples\/.*\.md)$/.test(file));

Deno.test("links in the documents lead to files and headings that exist", () => {
  const broken = DOCUMENTS.flatMap((document) =>
    linksOf(document)
      .filter(({ file, heading }) => !matchesFile(file) || (heading && !headingsOf(file).includes(heading)))
      .map(({ target }) => `${document} links to ${target}`)
  );
  assertEquals(broken, []);
});

Deno.test("what is published links to what is published, so that the links work on JSR", () => {
  const broken = DOCUMENTS.filter(isPublished).flatMap((document) =>
    linksOf(document)
      .filter(({ file }) => !isPublished(file))
      .map(({ target }) => `${document} links to ${target}`)
  );
  assertEquals(broken, []);
});

Deno.test("paths in backticks in the documents exist", () => {
  const missing = DOCUMENTS.flatMap((document) =>
    pathsIn(read(document)).filter((path) => !matchesFile(path)).map((path) => `${document} names ${path}`)
  );
  assertEquals(missing, []);
});

Deno.test("tasks in the documents are tasks of deno.json", () => {
  const missing = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/deno task ([\w:]+)/g)]
      .filter(([, name]) => !(name in config.tasks))
      .map(([, name]) => `${document} names deno task ${name}`)
  );
  assertEquals(missing, []);
});

/** The changelog's examples are of their release, and may no longer compile. */
const CURRENT = DOCUMENTS.filter((document) => document !== "CHANGELOG.md");

Deno.test("examples that the documents mark as not to be run are valid TypeScript", async () => {
  await withFolder(async (folder) => {
    const copies = CURRENT.filter((document) => read(document).includes("```ts ignore")).map((document) => {
      const copy = join(folder, document.replaceAll("/", "_"));
      Deno.writeTextFileSync(copy, read(document).replaceAll(/```ts ignore$/gm, "```ts"));
      return copy;
    });
    const check = startDeno(["check", "--quiet", "--doc-only", `--config=${repository("deno.json")}`, ...copies]);
    const { code, stderr } = await outputOf(check);
    assertEquals(code, 0, stderr);
  });
});

Deno.test("the quick start of the README works", async () => {
  await withFolder(async (folder) => {
    const [, script] = read("README.md").match(/```ts ignore\n([\s\S]*?)```/)!;
    const names = {
      "amused/amused-256": AMUSED,
      "picture.png": PICTURE,
      "reconstruction.png": join(folder, "out.png"),
    };
    const file = join(folder, "script.ts");
    await Deno.writeTextFile(file, withNames(script, names));
    await import(toFileUrl(file).href);
    assertEquals((await Deno.stat(names["reconstruction.png"])).isFile, true);
  });
});

Deno.test("the commands of the README work", async () => {
  await inFolder(async (path) => {
    const names = { "amused/amused-256": AMUSED, "picture.png": PICTURE };
    await Deno.mkdir(path("photos"));
    await Deno.copyFile(PICTURE, join(path("photos"), "photo.png"));
    const commands = [...read("README.md").matchAll(/^deno run -A jsr:@codebook\/vqmodel\/cli (.*)$/gm)];
    assertEquals(commands.map(([, command]) => command.split(" ")[0]).slice(0, 2), ["reconstruct", "tokenize"]);
    for (const [, command] of commands) {
      const files = Object.fromEntries(
        ["out.png", "tokens.npz", "photos/", "shards/"].map((name) => [name, path(name)]),
      );
      await succeed(...withNames(command, { ...names, ...files }).split(" "));
    }
  });
});

/** A text with other names for the files in it. */
function withNames(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((text, [from, to]) => text.replaceAll(from, to), text);
}

/** A link to a file of the checkout. */
interface Link {
  readonly target: string;
  readonly file: string;
  readonly heading: string;
}

function linksOf(document: string): Link[] {
  return [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path, heading = ""] = target.split("#");
      return { target, file: path ? fromRoot(join(ROOT, document, "..", path)) : document, heading };
    });
}

/** The anchors of a document's headings. */
function headingsOf(document: string): string[] {
  return [...proseOf(document).matchAll(/^#+ (.*)$/gm)]
    .map(([, heading]) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-"));
}

/** What a document says in backticks that begins like a path of this checkout; `NAME` and `*` stand for any name. */
function pathsIn(text: string): string[] {
  const roots = new Set(FILES.filter((file) => file.includes("/")).map((file) => file.split("/")[0]));
  return [...text.matchAll(/`([\w.-]+(?:\/[\w.*-]*)+)`/g)]
    .map(([, path]) => path)
    .filter((path) => roots.has(path.split("/")[0]));
}

function matchesFile(path: string): boolean {
  const pattern = path.replace(/\/$/, "").replaceAll(".", "\\.").replaceAll(/NAME|\*/g, "[^/]+");
  return FILES.some((file) => new RegExp(`^${pattern}(/|$)`).test(file));
}

function isPublished(file: string): boolean {
  return config.publish.include.some((path) => file === path || file.startsWith(`${path}/`));
}

/** A document without its examples, in which brackets are code. */
function proseOf(document: string): string {
  return read(document).replace(/^( *)```[\s\S]*?^\1```$/gm, "");
}
