/**
 * Turns files of tokens into files of pictures, and continues what was interrupted.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { reasonOf, showMessage } from "../../hub/show.ts";
import type { VQModel } from "../../mod.ts";
import { batchSizes } from "../compute/batch_size.ts";
import { type Engines, enginesFor } from "../compute/engines.ts";
import { modelSettings } from "../output/model_settings.ts";
import { hashOf } from "../output/publish.ts";
import type { DatasetProgress } from "../types.ts";
import { decodeTokens, type DetokenizeDatasetOptions } from "./dataset.ts";
import type { DetokenizeFailure, InputEntry, PictureSettings, PicturesManifest } from "./manifest.ts";
import { pictureNames } from "./picture_names.ts";
import type { OpenPictures, PicturePlace } from "./picture_places.ts";
import { countRecords } from "./record_count.ts";
import {
  listTokenFiles,
  type NamedStream,
  readTokenFiles,
  type TokenFileFailure,
  type TokensOfFile,
} from "./token_files.ts";

/** Options of {@linkcode detokenizeFiles}. */
export interface DetokenizeFilesOptions extends DetokenizeDatasetOptions {
  /** Rows and columns of each picture's tokens, for files that do not say it. */
  grid?: readonly [h: number, w: number];
  /** Whether finished pictures are decoded to check them; else their size and end are looked at. Default false. */
  verify?: boolean;
  /** Called often. */
  onProgress?: (progress: DatasetProgress) => void;
}

const OPTIONS: OptionNames<DetokenizeFilesOptions> = {
  batch: true,
  doNormalize: true,
  grid: true,
  verify: true,
  signal: true,
  onProgress: true,
};

/**
 * Turns the tokens of files into pictures named by their keys, those of single calls of `model.detokenize`.
 *
 * Pictures that an earlier call finished are skipped, so that a call that was interrupted is continued by the same call again.
 * Tokens that cannot be read, or are not in the codebook, are recorded as failures and do not end the call; nor do files that
 * cannot be read.
 *
 * @param model the model, or several of the same files, which compute at the same time; or {@linkcode chooseEngines}, which
 * finds out what is fastest
 * @param inputs paths of files and folders, and streams, as for {@linkcode readTokenFiles}
 * @returns the manifest
 * @throws {RangeError} if the place holds pictures that were made otherwise, or another call writes there, or tokens belong to
 * another codebook
 * @throws {TypeError} if there is no such file, or one cannot be written; or for an unknown option
 */
export async function detokenizeFiles(
  model: VQModel | readonly VQModel[] | Engines,
  inputs: readonly (string | NamedStream)[],
  place: PicturePlace,
  options: DetokenizeFilesOptions = {},
): Promise<PicturesManifest> {
  checkOptions("detokenize files", options, OPTIONS);
  const engines = enginesFor(model);
  const files = await storeStreams(await listTokenFiles(inputs));
  try {
    const settings = await settingsOf(engines.model, files.paths, options);
    const open = await place.open(settings, { verify: options.verify ?? false });
    try {
      return open.finished ?? await makePictures(engines, files.inputs, open, options);
    } finally {
      await open.close();
    }
  } finally {
    await files.remove();
  }
}

/** Makes the pictures that are not there yet. */
async function makePictures(
  engines: Engines,
  inputs: readonly (string | NamedStream)[],
  open: OpenPictures,
  { grid, verify: _, onProgress = () => {}, ...options }: DetokenizeFilesOptions,
): Promise<PicturesManifest> {
  const { downsamplingFactor: factor } = engines.model;
  const problemOf = await checkerFor(engines.model, options.batch);
  const nameOf = pictureNames();
  const names: string[] = [];
  const failures: DetokenizeFailure[] = [];
  const totalPictures = await countRecords(inputs, { grid });
  const counts = { shards: 0, pictures: 0, newPictures: 0, newTokens: 0, failures: 0 };
  const state = { ...counts, totalShards: inputs.length, totalPictures };
  const report = (changes: Partial<typeof counts>) => {
    const { use } = engines;
    onProgress({ ...Object.assign(state, changes), models: use.engines, engines: use });
  };
  const left = () => totalPictures === undefined ? undefined : totalPictures - state.pictures;

  function fail({ file, key, reason }: TokenFileFailure): void {
    failures.push({ file: basename(file), key: key === file ? basename(file) : key, reason });
    report({ failures: failures.length, pictures: state.pictures + 1 });
  }

  async function* missing(): AsyncGenerator<TokensOfFile> {
    const onFile = (shards: number) => report({ shards });
    for await (const record of readTokenFiles(inputs, { grid, onFile, onFailure: fail })) {
      options.signal?.throwIfAborted();
      const reason = problemOf(record);
      if (reason !== undefined) {
        fail({ ...record, reason });
        continue;
      }
      const name = nameOf(record.key);
      names.push(name);
      const [h, w] = record.shape;
      if (await open.has(name, [w * factor, h * factor])) report({ pictures: state.pictures + 1 });
      else yield { ...record, key: name };
    }
  }

  for await (const { key, picture } of decodeTokens(engines, missing(), { ...options, left })) {
    await open.save(key, picture);
    const newTokens = state.newTokens + picture.width * picture.height / factor ** 2;
    report({ pictures: state.pictures + 1, newPictures: state.newPictures + 1, newTokens });
  }
  return await open.finish(names, failures);
}

/** Makes a function that says why tokens cannot be decoded, if they cannot; those of another codebook, the model refuses. */
async function checkerFor(model: VQModel, batch: number | undefined) {
  const codes = model.config.num_vq_embeddings;
  const { hash } = await model.codebook();
  const sizes = batchSizes(model, "detokenize", batch);
  return ({ indices, shape, codebook }: TokensOfFile): string | undefined => {
    if (codebook && codebook.hash !== hash) return;
    const foreign = indices.find((index) => index < 0 || index >= codes);
    if (foreign !== undefined) return `expected indices from 0 to ${codes - 1}, found ${foreign}`;
    try {
      sizes.of(shape);
    } catch (error) {
      return showMessage(reasonOf(error));
    }
  };
}

async function settingsOf(
  model: VQModel,
  files: readonly { name: string; path: string }[],
  { doNormalize, grid }: DetokenizeFilesOptions,
): Promise<PictureSettings> {
  const { hash, model: name } = await model.codebook();
  const inputs: InputEntry[] = [];
  for (const { name, path } of files) {
    inputs.push({ name: basename(name), bytes: (await stat(path)).size, sha256: await hashOf(path) });
  }
  return {
    model: modelSettings(model, { name, codebook: hash, codes: model.config.num_vq_embeddings }),
    pixels: doNormalize === undefined ? model.pixelRange : doNormalize ? "signed" : "unit",
    grid,
    inputs,
  };
}

/** Writes streams to temporary files: only when all of one is known can it be said whether it is that of an earlier call. */
async function storeStreams(inputs: readonly (string | NamedStream)[]) {
  let folder: string | undefined;
  const remove = async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  };
  const paths: { name: string; path: string }[] = [];
  try {
    for (const [i, input] of inputs.entries()) {
      if (typeof input === "string") {
        paths.push({ name: input, path: input });
        continue;
      }
      folder ??= await mkdtemp(join(tmpdir(), "vqmodel-"));
      const path = join(folder, `${i}`);
      await writeFile(path, input.stream);
      paths.push({ name: input.name, path });
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const stored = inputs.map((input, i) =>
    typeof input === "string" ? input : { name: input.name, stream: createReadStream(paths[i].path) }
  );
  return { paths, inputs: stored, remove };
}
