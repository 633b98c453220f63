// deno-lint-ignore-file no-console
/**
 * The models in the Hub's cache.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { type CachedModel, listCachedModels, printable, removeCachedModel, verifyCachedModel } from "../../mod.ts";
import type { Command } from "../arguments.ts";
import { showBytes } from "../bytes.ts";
import type { Options } from "../options.ts";
import { count, table } from "../text.ts";

export const cacheCommands: readonly Command[] = [
  {
    summary: "List the models in the cache: size, last use, revisions",
    usage: "cache list",
    operands: [],
    options: ["json", "help"],
    examples: ["cache list"],
    run: list,
  },
  {
    summary: "Check every file of models in the cache against its hash",
    usage: "cache verify [MODEL...]",
    operands: [],
    repeats: true,
    options: ["help"],
    examples: ["cache verify", "cache verify amused/amused-256"],
    run: verify,
  },
  {
    summary: "Remove models from the cache",
    usage: "cache remove MODEL...",
    operands: ["MODEL"],
    repeats: true,
    options: ["yes", "help"],
    examples: ["cache remove amused/amused-256"],
    run: remove,
  },
];

async function list(_: readonly string[], { json }: Options): Promise<void> {
  const models = await listCachedModels();
  if (json) return console.log(JSON.stringify(models, null, 2));
  if (models.length === 0) return console.log("The cache has no models");
  console.log(table(models.map((model) => [model.repo, describe(model)])));
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`\n${count(models.length)} model${models.length === 1 ? "" : "s"}, ${showBytes(total)}`);
}

/** Size, last use and revisions. */
function describe({ bytes, lastUsed, revisions }: CachedModel): string {
  const names = revisions.map(({ commit, refs }) => printable([...refs, commit.slice(0, 7)].join(" ")));
  return [showBytes(bytes), lastUsed?.toISOString().slice(0, 10) ?? "never used", names.join(", ")].join("  ");
}

async function verify(names: readonly string[]): Promise<void> {
  const repos = names.length > 0 ? names : (await listCachedModels()).map(({ repo }) => repo);
  if (repos.length === 0) return console.log("The cache has no models");
  let damaged = 0;
  for (const repo of repos) {
    const problems = await verifyCachedModel(repo);
    damaged += problems.length;
    console.log(`${repo}: ${problems.length === 0 ? "intact" : `${count(problems.length)} damaged`}`);
    for (const { path, reason } of problems) console.log(`  ${printable(path)}: ${reason}`);
  }
  if (damaged === 0) return;
  throw new Error(`${count(damaged)} damaged files: remove the model with cache remove; loading it downloads it again`);
}

async function remove(repos: readonly string[], { yes }: Options): Promise<void> {
  for (const repo of repos) {
    if (!yes && !await isConfirmed(repo)) continue;
    console.log(`Removed ${repo}: ${showBytes(await removeCachedModel(repo))}`);
  }
}

/** Asks on the terminal. Where there is none, the answer is no. */
async function isConfirmed(repo: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error(`Cannot ask whether to remove ${repo}: pass --yes`);
  console.log(`Remove ${repo} from the cache? [y/N]`);
  for await (const answer of createInterface(process.stdin)) return /^y/i.test(answer.trim());
  return false;
}
