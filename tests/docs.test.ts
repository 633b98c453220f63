/** The documents say what is true of this checkout: links, paths, tasks and examples. */
import { assertEquals } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";
import config from "../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const FILES = listFiles();
const DOCUMENTS = FILES.filter((file) => /^([A-Z]+\.md|docs\/.*\.md|\.github\/.*\.md|examples\/.*\.md)$/.test(file));

Deno.test("links in the documents lead to files and headings that exist", () => {
  const broken = DOCUMENTS.flatMap((document) =>
    linksOf(document)
      .filter(({ file, heading }) => !exists(file) || (heading && !headingsOf(file).includes(heading)))
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
  const folder = await Deno.makeTempDir();
  try {
    const copies = await Promise.all(
      CURRENT.filter((document) => read(document).includes("```ts ignore")).map(async (document) => {
        const copy = join(folder, document.replaceAll("/", "_"));
        await Deno.writeTextFile(copy, read(document).replaceAll("```ts ignore", "```ts"));
        return copy;
      }),
    );
    const flags = ["--config", join(ROOT, "deno.json"), `--import-map=${join(ROOT, "tools/offline/import_map.json")}`];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--doc-only", ...flags, ...copies],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

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

function exists(file: string): boolean {
  return matchesFile(file);
}

/** A document without its examples, in which brackets are code. */
function proseOf(document: string): string {
  return read(document).replace(/^( *)```[\s\S]*?^\1```$/gm, "");
}

function read(file: string): string {
  return Deno.readTextFileSync(join(ROOT, file));
}

function fromRoot(path: string): string {
  return relative(ROOT, path).replaceAll("\\", "/");
}

function listFiles(folder = ROOT): string[] {
  const skipped = [".git", "node_modules", "coverage"];
  return [...Deno.readDirSync(folder)].filter(({ name }) => !skipped.includes(name)).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? listFiles(path) : [fromRoot(path)];
  });
}
