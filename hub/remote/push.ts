/**
 * Uploads a saved model to the Hub.
 *
 * @module
 */

import { readdir } from "../system/files.ts";
import { fileURLToPath, join, pathToFileURL } from "../system/file_paths.ts";
import { connectTo, type HubAccess } from "./access.ts";
import { HubError } from "../errors.ts";
import { type HubPackage, useHubPackage } from "./hub_package.ts";
import { checkOptions, type OptionNames } from "../check_options.ts";
import { subfolderParts } from "../system/paths.ts";
import { checkRepoId, checkRevision, isCommitHash } from "../repo_id.ts";
import { printable, reasonOf, show } from "../show.ts";

/** Options of {@linkcode pushToHub}. */
export interface PushOptions extends Omit<HubAccess, "onProgress"> {
  /** First line of the commit message. By default `"Upload model"`. */
  commitMessage?: string;
  /** The rest of the commit message. */
  commitDescription?: string;
  /** Folder of the repository for the files. By default the root. */
  subfolder?: string;
  /** The branch to commit to. By default `"main"`. */
  revision?: string;
  /** Whether to open a pull request with the commit instead of committing to the branch. By default `false`. */
  createPr?: boolean;
  /** Whether the repository is private if it is created. By default as in its owner's settings. */
  private?: boolean;
}

/** The names of {@linkcode PushOptions}. */
export const PUSH_OPTIONS: OptionNames<PushOptions> = {
  token: true,
  hubUrl: true,
  fetch: true,
  signal: true,
  timeout: true,
  commitMessage: true,
  commitDescription: true,
  subfolder: true,
  revision: true,
  createPr: true,
  private: true,
};

/** The result of {@linkcode pushToHub}. */
export interface PushResult {
  /** Hash of the commit. */
  readonly commit: string;
  /** URL of the commit's page. */
  readonly commitUrl: string;
  /** URL of the pull request's page, if there is one. */
  readonly pullRequestUrl?: string;
}

type CommitParameters = Parameters<HubPackage["commitIter"]>[0] & { fetch: typeof fetch; repo: { name: string } };
type CommitOutput = CommitEvents extends AsyncGenerator<unknown, infer Output> ? Output : never;
type CommitEvents = ReturnType<HubPackage["commitIter"]>;

/** Seconds without progress after which an upload is aborted: hashing reports every chunk, and responses are small. */
const IDLE_SECONDS = 15;
const STOPPED =
  `the upload stopped, and nothing happened for ${IDLE_SECONDS} seconds. The Hub may have answered what no Hub does`;

/**
 * Uploads the files of a directory, such as {@linkcode saveLocalModel} makes, to a repository in one commit. The repository
 * is created if it does not exist. Large files are read in chunks.
 *
 * Upstream: `diffusers.utils.PushToHubMixin.push_to_hub`.
 *
 * @param repo `"owner/name"`
 * @param directory a path or a `file:` URL; its folders and hidden files are not uploaded
 * @throws {TypeError} if an option is unknown
 * @throws {HubError} if there is no token, it lacks permission, the upload fails, or the response has no commit
 */
export async function pushToHub(
  repo: string,
  directory: string | URL,
  options: PushOptions = {},
): Promise<PushResult> {
  checkOptions("push model", options, PUSH_OPTIONS);
  const { revision = "main", commitMessage = "Upload model" } = options;
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
    // The connection adds the token; the package's types require one.
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
  }, options.createPr ? 0 : undefined); // after a lost response, a retry would open a second pull request
  const { commit: { oid, url }, pullRequestUrl } = output!;
  if (!isCommitHash(String(oid))) {
    throw new HubError(
      `Cannot tell whether ${repo} was pushed to: expected a commit in the response, found ${show(oid)}. ` +
        `See ${hubUrl}/${repo}/commits before pushing again`,
    );
  }
  const commitUrl = isPage(url) ? url : `${hubUrl}/${repo}/commit/${oid}`;
  return { commit: oid, commitUrl, ...(isPage(pullRequestUrl) ? { pullRequestUrl } : {}) };
}

/** Whether a value in a response is the URL of a page. */
function isPage(address: unknown): address is string {
  return typeof address === "string" && /^https?:\/\//.test(address) && printable(address) === address;
}

/**
 * Calls the package to commit. It loses some errors and would then wait forever. So the first request that fails ends the
 * call, and so do {@linkcode IDLE_SECONDS} without a request or progress.
 */
async function commit(hub: HubPackage, parameters: CommitParameters): Promise<CommitOutput | undefined> {
  let reject: (reason: unknown) => void;
  const failed = new Promise<never>((_, refuse) => reject = refuse);
  failed.catch(() => {}); // it may be rejected after the commit
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
    return await Promise.race([finish(), failed]);
  } finally {
    clearInterval(clock);
  }
}

/** Ignores that a repository exists, or may not be created: if it does not exist, the commit fails. */
function allowExisting(error: unknown): void {
  if (!(error instanceof HubError) || ![403, 409].includes(error.status ?? 0)) throw error;
}

/** The files directly in a directory, except for hidden and incomplete ones. */
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
