/**
 * Models in files that a program already has, such as those that a person drops on a page.
 *
 * @module
 */

import { sourceOfBlob } from "../formats/byte_source.ts";
import { HubError, WeightsError } from "../errors.ts";
import { checkOptions } from "../check_options.ts";
import { show } from "../show.ts";
import { checkOnly } from "./halves.ts";
import type { FileStore } from "../formats/file_store.ts";
import { MODEL_CHOICE, type ModelChoice, type ModelFiles, openModelIn } from "./open_model.ts";
import { listNames } from "./model_files.ts";

/**
 * A file whose path is its `webkitRelativePath`, or else its name; or a path, with `/` between folders, and its content.
 */
export type GivenFile = File | readonly [path: string, content: Blob];

const ROOT = "the list of files";

/**
 * Opens a model in a list of files: `config.json` and weights as Diffusers saves them, or the checkpoint of another family.
 * Only the parts of the files that are needed are read. Folders that all files are in are left out of their paths.
 *
 * @example
 * ```ts
 * import { openGivenFiles } from "@codebook/vqmodel/hub";
 * import { openAsBlob } from "node:fs"; // in a browser: the files of a drop, or of an <input type="file" multiple>
 *
 * const files = new Map<string, Blob>();
 * for (const name of ["config.json", "diffusion_pytorch_model.safetensors"]) {
 *   files.set(name, await openAsBlob(`examples/models/leaves-f4/${name}`));
 * }
 * const { weights } = await openGivenFiles(files);
 * await weights.close();
 * ```
 *
 * @throws {TypeError} if what is passed is not a list of files, two have the same path, or an option is unknown
 * @throws {HubError} if there is no model among the files; the message says which there are
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openGivenFiles(files: Iterable<GivenFile>, options: ModelChoice = {}): Promise<ModelFiles> {
  checkOptions("open model", options, MODEL_CHOICE);
  checkOnly(options.only);
  return await openModelIn(blobStore(withoutCommonFolders(blobsOf(files), options.subfolder)), options);
}

/** The files by path. */
function blobsOf(files: Iterable<GivenFile>): Map<string, Blob> {
  const isIterable = typeof Object(files)[Symbol.iterator] === "function";
  if (!isIterable || typeof files === "string") {
    throw new TypeError(`Cannot open model: expected a list of files, found ${show(files)}`);
  }
  const blobs = new Map<string, Blob>();
  for (const file of files) {
    const [path, content] = Array.isArray(file) ? file : [pathOf(file as File), file];
    if (typeof path !== "string" || !(content instanceof Blob)) {
      throw new TypeError(`Cannot open model: expected a File, or a path and a Blob, found ${show(file)}`);
    }
    const name = path.replace(/^(\.?\/)+/, "");
    if (blobs.has(name)) throw new TypeError(`Cannot open model: expected one file ${show(name)}, found two`);
    blobs.set(name, content);
  }
  return blobs;
}

/** The path of a file in the folder that a person chose; browsers alone know it. */
function pathOf(file: File & { readonly webkitRelativePath?: string }): string | undefined {
  return file?.webkitRelativePath || file?.name;
}

/** Leaves out the first folder of all paths, as long as it is the same for all, and not the one that is asked for. */
function withoutCommonFolders(blobs: Map<string, Blob>, subfolder = ""): Map<string, Blob> {
  const paths = [...blobs.keys()];
  const [, folder] = /^([^/]+\/)./.exec(paths[0] ?? "") ?? [];
  const isCommon = folder !== undefined && paths.every((path) => path.startsWith(folder));
  if (!isCommon || `${subfolder}/`.startsWith(folder)) return blobs;
  const inside = [...blobs].map(([path, content]) => [path.slice(folder.length), content] as const);
  return withoutCommonFolders(new Map(inside), subfolder);
}

function blobStore(blobs: ReadonlyMap<string, Blob>): FileStore {
  const found = () => listNames([...blobs.keys()]);
  return {
    nameOf: (path) => path === "" ? ROOT : path,
    // deno-lint-ignore require-await -- an error is a rejection
    async list(folder) {
      const prefix = folder && `${folder}/`;
      const inside = [...blobs.keys()].filter((path) => path.startsWith(prefix));
      if (folder && inside.length === 0) {
        throw new HubError(`Cannot load ${ROOT}: expected a folder ${show(folder)} in it, found ${found()}`);
      }
      return [...new Set(inside.map((path) => path.slice(prefix.length).split("/")[0]))];
    },
    // deno-lint-ignore require-await -- an error is a rejection
    async open(path) {
      const blob = blobs.get(path);
      if (!blob) throw new WeightsError(`Cannot open ${path}: expected it in ${ROOT}, found ${found()}`);
      return sourceOfBlob(blob, path);
    },
  };
}
