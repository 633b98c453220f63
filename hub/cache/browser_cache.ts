/**
 * The cache of a browser, with the folders of that on the disk: see `disk_repo.ts`. There are no links, so snapshots hold
 * descriptions of files, and their contents are in parts:
 *
 * ```text
 * vqmodel/models--OWNER--NAME/blobs/ETAG/OFFSET-HASH
 *                             refs/REVISION             commit of a branch or tag
 *                             snapshots/COMMIT/PATH     JSON: hash and size of the content
 * ```
 *
 * @module
 */

import { folderNameOf, repoOfFolder } from "./folder_names.ts";
import { areIntact, findParts, joinParts } from "./file_parts.ts";
import { HubError, WeightsError } from "../errors.ts";
import { type ByteSource, sourceOfBlob } from "../formats/byte_source.ts";
import { downloadParts } from "./browser_download.ts";
import type { RemoteFile } from "../remote/resolve.ts";
import { isCommitHash } from "../repo_id.ts";
import { type BrowserFiles, openBrowserFiles } from "./browser_files.ts";
import type { FileStore } from "../formats/file_store.ts";
import type { CachedModel, CachedRevision, DamagedFile, ModelCache, RepoCache } from "./repo_cache.ts";

const ROOT = "vqmodel";

/** What a snapshot says of a file. */
type Entry = Pick<RemoteFile, "etag" | "size">;

/** Folders of contents that this page has checked. */
const intact = new Set<string>();

/** Opens the part of the browser's cache that belongs to a repository; `undefined` if the browser stores nothing. */
export async function openBrowserCache(repo: string, root = ROOT): Promise<RepoCache | undefined> {
  const files = await openBrowserFiles();
  return files && repoCache(files, `${root}/${folderNameOf(repo)}`, repo);
}

function repoCache(files: BrowserFiles, folder: string, repo: string): RepoCache {
  const refPath = (revision: string) => `${folder}/refs/${revision}`;
  const entryPath = (commit: string, path: string) => `${folder}/snapshots/${commit}/${path}`;

  /** Opens a content, if all of it is there. */
  async function openBlob({ etag, size }: Entry, path: string, signal?: AbortSignal): Promise<ByteSource | undefined> {
    const blob = blobFolder(folder, etag);
    const parts = await findParts(files, blob);
    if (parts.size !== size || !intact.has(blob) && !await areIntact(parts, signal)) return undefined;
    intact.add(blob);
    return sourceOfBlob(joinParts(parts), `${repo}/${path}`);
  }

  async function readRef(revision: string): Promise<string | undefined> {
    const commit = await (await files.find(refPath(revision)))?.text();
    return commit && isCommitHash(commit) ? commit : undefined;
  }

  return {
    folder,
    readRef,
    async writeRef(revision, commit) {
      if (revision !== commit && await readRef(revision) !== commit) await files.write(refPath(revision), commit);
    },
    async open(commit, { path, etag }, signal) {
      const entry = await readEntry(files, entryPath(commit, path));
      return entry?.etag === etag ? await openBlob(entry, path, signal) : undefined;
    },
    async download(file, options) {
      const { connection: { signal }, commit } = options;
      const { path, etag, size } = file;
      const blob = blobFolder(folder, etag);
      return await files.withLock(blob, async () => {
        let source = await openBlob(file, path, signal);
        if (!source) {
          await downloadParts(file, files, blob, options);
          source = sourceOfBlob(joinParts(await findParts(files, blob)), `${repo}/${path}`);
          intact.add(blob);
        }
        await files.write(entryPath(commit, path), JSON.stringify({ etag, size }));
        return source;
      }, signal);
    },
    snapshot: (commit) => ({
      nameOf: (path) => path === "" ? repo : `${repo}/${path}`,
      async list(path) {
        const names = await files.list(entryPath(commit, path).replace(/\/$/, ""));
        if (names.length > 0) return names;
        throw new HubError(`Cannot load ${repo}: this browser has stored no files of commit ${commit} in /${path}`);
      },
      async open(path) {
        const entry = await readEntry(files, entryPath(commit, path));
        const source = entry && await openBlob(entry, path);
        if (source) return source;
        throw new WeightsError(
          `Cannot open ${repo}/${path}: expected it in the cache of this browser, found other bytes or none. ` +
            "Load the model once with network: damaged files are fetched again",
        );
      },
    } satisfies FileStore),
  };
}

function blobFolder(folder: string, etag: string): string {
  return `${folder}/blobs/${etag}`;
}

async function readEntry(files: BrowserFiles, path: string): Promise<Entry | undefined> {
  const text = await (await files.find(path))?.text();
  if (!text) return undefined; // also if its page ended while it was written
  const { etag, size } = JSON.parse(text) as Entry;
  return /^[0-9a-f]{40,64}$/.test(etag) ? { etag, size } : undefined;
}

/** The models in the browser's cache. */
export async function browserModels(root = ROOT): Promise<ModelCache> {
  const files = await openBrowserFiles();
  if (!files) return EMPTY;

  async function find(repo: string): Promise<CachedModel | undefined> {
    const model = await describe(files!, repo, `${root}/${folderNameOf(repo)}`);
    return model.bytes > 0 || model.revisions.length > 0 ? model : undefined;
  }

  return {
    folder: root,
    find,
    async list() {
      const repos = (await files.list(root)).map(repoOfFolder).filter((repo) => repo !== undefined);
      return (await Promise.all(repos.map(find))).filter((model) => model !== undefined);
    },
    verify: (model, signal) => verify(files, model, signal),
    async remove({ repo, folder }) {
      if ((await files.heldLocks()).some((name) => name.startsWith(`${folder}/`))) {
        throw new HubError(`Cannot remove ${repo} from the cache: it is being downloaded; try again when that is done`);
      }
      await files.remove(folder);
    },
  };
}

/** The cache of a browser that stores nothing for this page. */
const EMPTY: ModelCache = {
  folder: ROOT,
  list: () => Promise.resolve([]),
  find: () => Promise.resolve(undefined),
  verify: () => Promise.resolve([]),
  remove: () => Promise.resolve(),
};

async function describe(files: BrowserFiles, repo: string, folder: string): Promise<CachedModel> {
  const refs = await Promise.all((await pathsIn(files, `${folder}/refs`)).map(async (ref) => {
    return { ref, commit: await (await files.find(`${folder}/refs/${ref}`))?.text() };
  }));
  const revisions: CachedRevision[] = [];
  for (const commit of await files.list(`${folder}/snapshots`)) {
    const paths = await pathsIn(files, `${folder}/snapshots/${commit}`);
    revisions.push({ commit, refs: refs.filter((ref) => ref.commit === commit).map(({ ref }) => ref), files: paths });
  }
  let bytes = 0;
  for (const etag of await files.list(`${folder}/blobs`)) {
    bytes += (await findParts(files, blobFolder(folder, etag))).size;
  }
  return { repo, folder, bytes, revisions };
}

async function verify(
  files: BrowserFiles,
  { folder, revisions }: CachedModel,
  signal?: AbortSignal,
): Promise<DamagedFile[]> {
  const damaged: DamagedFile[] = [];
  for (const { commit, files: paths } of revisions) {
    for (const path of paths.map((path) => `${folder}/snapshots/${commit}/${path}`)) {
      const entry = await readEntry(files, path);
      const parts = entry && await findParts(files, blobFolder(folder, entry.etag));
      if (parts?.size !== entry?.size) damaged.push({ path, reason: "expected a file, found a part of one, or none" });
      else if (parts && await areIntact(parts, signal)) continue;
      else damaged.push({ path, reason: "expected the bytes that were stored, found others" });
    }
  }
  return damaged;
}

/** The files below a folder. */
async function pathsIn(files: BrowserFiles, folder: string): Promise<string[]> {
  const nested = (await files.list(folder)).map(async (name) => {
    const inside = await pathsIn(files, `${folder}/${name}`);
    return inside.length > 0 ? inside.map((path) => `${name}/${path}`) : [name];
  });
  return (await Promise.all(nested)).flat();
}
