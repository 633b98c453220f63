/**
 * Puts a saved model on the Hub.
 *
 * @module
 */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { connectTo, type HubAccess } from "./access.ts";
import { HubError } from "../errors.ts";
import { type HubPackage, useHubPackage } from "./hub_package.ts";
import { subfolderParts } from "../system/paths.ts";
import { checkRepoId, checkRevision, isCommitHash } from "../repo_id.ts";
import { printable, reasonOf, show } from "../show.ts";

/** How to put a model on the Hub. */
export interface PushOptions extends Omit<HubAccess, "onProgress"> {
  /** The first line of the commit's message. By default `"Upload model"`. */
  commitMessage?: string;
  /** What else the commit's message says. */
  commitDescription?: string;
  /** The folder of the repository to put the files in. By default the outermost one. */
  subfolder?: string;
  /** The branch to commit to. By default `"main"`. */
  revision?: string;
  /** Whether to propose the commit in a pull request rather than make it. By default not. */
  createPr?: boolean;
  /** Whether the repository is private, should it be created. By default what its owner's settings say. */
  private?: boolean;
}

/** What became of a push. */
export interface PushResult {
  /** The commit. */
  readonly commit: string;
  /** Its page. */
  readonly commitUrl: string;
  /** The page of the pull request, if there is one. */
  readonly pullRequestUrl?: string;
}

type CommitParameters = Parameters<HubPackage["commitIter"]>[0] & { fetch: typeof fetch; repo: { name: string } };
type CommitOutput = Awaited<ReturnType<HubPackage["commit"]>>;

/** How long nothing may happen: hashing tells of every piece, and answers are small. */
const IDLE_SECONDS = 15;
const STOPPED =
  `the upload stopped, and nothing happened for ${IDLE_SECONDS} seconds. The Hub may have answered what no Hub does`;

/**
 * Puts the files of a directory, as {@linkcode saveLocalModel} writes it, into a repository in one commit. A repository
 * that does not exist is created. Large files are read piece by piece.
 *
 * Upstream: `diffusers.utils.PushToHubMixin.push_to_hub`.
 *
 * @param repo `"owner/name"`
 * @param directory a path or a `file:` URL; folders in it are left out
 * @throws {HubError} if there is no token, it lacks the permission, the upload fails, or the Hub names no commit
 */
export async function pushToHub(
  repo: string,
  directory: string | URL,
  { revision = "main", commitMessage = "Upload model", ...options }: PushOptions = {},
): Promise<PushResult> {
  checkRepoId(repo);
  checkRevision(revision);
  const prefix = subfolderParts(options.subfolder ?? "").map((part) => `${part}/`).join("");
  const connection = await connectTo(repo, "push to", revision, options);
  const { hubUrl, signal, token, takesEnvironment } = connection;
  if (!token) {
    throw new HubError(
      `Cannot push to ${repo}: expected a token that may write. Make one at ${hubUrl}/settings/tokens and pass it` +
        (takesEnvironment ? ", or set HF_TOKEN" : ""),
    );
  }
  const files = await listFiles(directory, repo);

  await useHubPackage(connection, async (hub, parameters) => {
    const visibility = options.private === undefined ? undefined : options.private ? "private" : "public";
    // The connection adds the token; the package insists on being given one.
    await hub.createRepo({ ...parameters, visibility, credentials: undefined! }).catch(allowExisting);
  });
  const output = await useHubPackage(connection, async (hub, parameters) => {
    return await commit(hub, {
      ...parameters,
      title: commitMessage,
      description: options.commitDescription,
      branch: revision,
      isPullRequest: options.createPr,
      abortSignal: signal,
      operations: files.map(({ name, url }) => ({ operation: "addOrUpdate", path: prefix + name, content: url })),
    });
  }, options.createPr ? 0 : undefined); // a lost answer must not make two of them
  const { commit: { oid, url }, pullRequestUrl } = output!;
  if (!isCommitHash(String(oid))) {
    throw new HubError(
      `Cannot tell whether ${repo} was pushed to: expected a commit in the answer, found ${show(oid)}. ` +
        `See ${hubUrl}/${repo}/commits before pushing again`,
    );
  }
  const commitUrl = isPage(url) ? url : `${hubUrl}/${repo}/commit/${oid}`;
  return { commit: oid, commitUrl, ...(isPage(pullRequestUrl) ? { pullRequestUrl } : {}) };
}

/** Whether what the Hub answers is the address of a page. */
function isPage(address: unknown): address is string {
  return typeof address === "string" && /^https?:\/\//.test(address) && printable(address) === address;
}

/**
 * Has the package commit. It loses some of its errors, and would then wait for ever: so the first request that fails ends
 * this, as do {@linkcode IDLE_SECONDS} in which nothing is asked and nothing is told.
 */
async function commit(hub: HubPackage, parameters: CommitParameters): Promise<CommitOutput | undefined> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {}); // it may come when the commit is made
  let [asking, idle] = [0, 0];
  const fetch: typeof globalThis.fetch = async (...request) => {
    asking++;
    try {
      return await parameters.fetch(...request);
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      [asking, idle] = [asking - 1, 0];
    }
  };
  const clock = setInterval(() => {
    idle = asking > 0 ? 0 : idle + 1;
    if (idle > IDLE_SECONDS) reject(new HubError(`Cannot push to ${parameters.repo.name}: ${STOPPED}`));
  }, 1000);
  async function finish(): Promise<CommitOutput | undefined> {
    const events = hub.commitIter({ ...parameters, fetch });
    while (true) {
      const { done, value } = await events.next();
      if (done) return value;
      idle = 0;
    }
  }
  try {
    return await Promise.race([finish(), failed]); // what fails after that must find somebody who waits
  } finally {
    clearInterval(clock);
  }
}

/** That a repository exists is no failure; that it may not be created is one only if it does not exist. */
function allowExisting(error: unknown): void {
  if (!(error instanceof HubError) || ![403, 409].includes(error.status ?? 0)) throw error;
}

/** The files right in a directory, but for those that are being written. */
async function listFiles(directory: string | URL, repo: string): Promise<{ name: string; url: URL }[]> {
  const folder = directory instanceof URL ? fileURLToPath(directory) : directory;
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause) => {
    throw new HubError(`Cannot push ${folder} to ${repo}: ${reasonOf(cause)}`, { cause });
  });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !entry.name.endsWith(".incomplete"))
    .map(({ name }) => ({ name, url: pathToFileURL(join(folder, name)) }));
  if (files.length === 0) throw new HubError(`Cannot push ${folder} to ${repo}: there is no file in it`);
  return files;
}
