/**
 * What is open: a model, a picture, its tokens and their edits. Knows nothing of the page.
 *
 * @module
 */

import { type Picture, type ProfiledOp, psnr, type Tensor } from "../../mod.ts";
import { applyEdit, type Edit } from "./editing/edits.ts";
import { addEdit, type History, newHistory, redo, undo } from "./editing/history.ts";
import { checkEdit, type Shared } from "./editing/link.ts";
import { LiveDecoder } from "./engine/live_decoder.ts";
import type { LoadedModel } from "./engine/loaded_model.ts";
import type { LoadOptions } from "./engine/loading.ts";
import type {
  DecodedPicture,
  DeviceChoice,
  LoadProgress,
  ModelSource,
  TokenGrid,
  TokenizedPicture,
} from "./engine/types.ts";

/** A picture or tokens that are open. */
export interface Opened {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** The tokens before any edit. */
  readonly original: Int32Array<ArrayBuffer>;
  /** The file, unless only tokens were opened. */
  readonly source?: PictureFile;
  /** What was tokenized. */
  readonly sample?: Tensor;
  /** The picture as the model sees it. */
  readonly picture?: Picture;
  readonly margins?: Float32Array;
  readonly milliseconds?: TokenizedPicture["milliseconds"];
}

/** A picture file to open. */
export interface PictureFile {
  readonly file: Blob;
  readonly name: string;
  /** Longer side in pixels. */
  readonly side: number;
  /** Name of a sample picture. */
  readonly sample?: string;
}

/** A picture that was decoded, and how near it is to the one that was tokenized. */
export interface ShownPicture extends DecodedPicture {
  /** In decibels. */
  readonly psnr?: number;
}

/** Loads a model. */
export type LoadModel = (source: ModelSource, options: LoadOptions) => Promise<LoadedModel>;

/** What a task gets. */
type TaskOptions = Pick<LoadOptions, "signal" | "onProgress">;

/** Tasks of one kind cancel each other. */
type TaskKind = "load" | "open" | "measure";

/** A task that runs. */
interface Task {
  readonly controller: AbortController;
  progress: LoadProgress;
}

/** A stroke that is not finished. */
interface Stroke {
  readonly cells: Set<number>;
  /** The code to paint; without it, the stroke restores. */
  readonly code?: number;
}

/** A model, a picture and its edits. */
export class Session {
  readonly #loadModel: LoadModel;
  readonly #decoder: LiveDecoder;
  readonly #onChange: () => void;
  readonly #tasks = new Map<TaskKind, Task>();
  /** Ends with the last task that loads a model. */
  #loading: Promise<void> = Promise.resolve();
  #stroke: Stroke | undefined;
  #history: History | undefined;

  /** The model, once it is loaded. */
  model: LoadedModel | undefined;
  /** Where it is from. */
  source: ModelSource | undefined;
  /** The picture or tokens. */
  opened: Opened | undefined;
  /** The tokens now, with those of the current stroke. */
  tokens: Int32Array<ArrayBuffer> | undefined;
  /** What they were decoded to last. */
  decoded: ShownPicture | undefined;
  /** Bytes that the model holds after the last exact picture. */
  memory: number | undefined;
  /** What went wrong last. */
  error: string | undefined;
  /** What went well, where that needs words. */
  notice: string | undefined;

  /** A session without a model. `onChange` is called after every change. */
  constructor(loadModel: LoadModel, onChange: () => void) {
    this.#loadModel = loadModel;
    this.#onChange = onChange;
    this.#decoder = new LiveDecoder({
      decode: (request, signal) => this.#loaded.decode(request, signal),
      onPicture: (decoded) => void this.#showDecoded(decoded),
      onError: (error) => this.#tasks.has("load") || this.fail(error), // a model that is replaced ends its calls
    });
  }

  /** What takes time now. */
  get task(): LoadProgress | undefined {
    return this.#tasks.values().next().value?.progress;
  }

  /** Whether anything is computed or loaded. */
  get isBusy(): boolean {
    return this.#tasks.size > 0 || this.#decoder.isBusy;
  }

  get canUndo(): boolean {
    return (this.#history?.done.length ?? 0) > 0;
  }

  get canRedo(): boolean {
    return (this.#history?.undone.length ?? 0) > 0;
  }

  /** The edits since the picture was opened; `undefined` if some were forgotten. */
  get edits(): readonly Edit[] | undefined {
    return this.#history?.isComplete ? this.#history.done.map(({ edit }) => edit) : undefined;
  }

  /** Loads a model, and opens the picture again that is open. Edits stay if the model is the same. */
  load(source: ModelSource, device: DeviceChoice): Promise<void> {
    const kept = source === this.source ? this.#history : undefined;
    return this.#loading = this.#perform("load", `Loading ${source.name}`, async (options) => {
      const model = await this.#loadModel(source, { device, ...options });
      const { opened } = this;
      this.#show(undefined);
      this.#tasks.get("measure")?.controller.abort();
      this.model?.dispose();
      [this.model, this.source] = [model, source];
      if (opened?.source) await this.#tokenize(opened.source, options);
      if (kept && this.opened?.original.length === kept.tokens.length) this.#setHistory(kept);
    });
  }

  /** Opens a picture file. */
  open(source: PictureFile): Promise<void> {
    return this.#perform("open", `Opening ${source.name}`, (options) => this.#tokenize(source, options));
  }

  /** Opens a token file. */
  openTokens(file: File): Promise<void> {
    return this.#perform("open", `Opening ${file.name}`, async () => {
      this.#showTokens(file.name, await this.#loaded.decodeTokens(file));
    });
  }

  /** Opens what a link holds, with the model that it names; `sample` loads a sample picture. */
  openShared({ content }: Shared, sample: (name: string) => Promise<Blob>): Promise<void> {
    return this.#perform("open", "Opening the link", async (options) => {
      if (!("edits" in content)) return this.#showTokens("tokens", content);
      const { picture, side, edits } = content;
      await this.#tokenize({ file: await sample(picture), name: picture, side, sample: picture }, options);
      for (const edit of edits) {
        checkEdit(edit, { cells: this.opened!.original.length, codes: this.model!.codes });
        this.#setHistory(addEdit(this.#history!, edit, this.#context));
      }
    });
  }

  /** The picture of the tokens as they are now; `undefined` if nothing is open. */
  async picture(): Promise<Picture | undefined> {
    await this.#decoder.idle;
    return this.decoded?.picture;
  }

  /** Cancels what is loaded, opened or measured. */
  cancel(): void {
    for (const { controller } of this.#tasks.values()) controller.abort();
  }

  /** Applies an edit. */
  edit(edit: Edit): void {
    if (this.#history) this.#setHistory(addEdit(this.#history, edit, this.#context));
  }

  /** Undoes the last edit. */
  undo(): void {
    if (this.#history) this.#setHistory(undo(this.#history));
  }

  /** Redoes the edit that was undone last. */
  redo(): void {
    if (this.#history) this.#setHistory(redo(this.#history));
  }

  /** Adds cells to the current stroke, or begins one: of a code, or one that restores. */
  stroke(cells: readonly number[], code: number | undefined): void {
    if (!this.#history) return;
    this.#stroke ??= { cells: new Set(), code };
    for (const cell of cells) this.#stroke.cells.add(cell);
    this.tokens = applyEdit(this.#history.tokens, editOf(this.#stroke), this.#context);
    this.#decode({ exact: false });
  }

  /** Ends the current stroke, which becomes one edit. */
  endStroke(): void {
    const stroke = this.#stroke;
    this.#stroke = undefined;
    if (stroke) this.edit(editOf(stroke));
  }

  /** Forgets the current stroke. */
  cancelStroke(): void {
    this.#stroke = undefined;
    if (this.#history) this.#setHistory(this.#history);
  }

  /** Measures each op on the picture that is open. */
  async measure(): Promise<ProfiledOp[] | undefined> {
    let ops: ProfiledOp[] | undefined;
    await this.#perform("measure", "Measuring each op", async ({ signal }) => {
      const { sample } = this.opened ?? {};
      if (!sample) throw new TypeError("Cannot measure: open a picture first");
      ops = await this.#loaded.profile(sample, signal);
    });
    return ops;
  }

  /** Shows an error, unless it is that something was cancelled. */
  fail(error: unknown): void {
    if ((error as Error).name === "AbortError") return;
    [this.error, this.notice] = [(error as Error).message, undefined];
    this.#onChange();
  }

  /** Shows a message. */
  notify(text: string): void {
    [this.error, this.notice] = [undefined, text];
    this.#onChange();
  }

  /** Removes the message or the error. */
  clearError(): void {
    [this.error, this.notice] = [undefined, undefined];
    this.#onChange();
  }

  /**
   * Runs a task in place of the one of its kind, and shows that it runs. What needs a model waits while one is loaded.
   * Errors are shown; cancelled tasks are none.
   */
  async #perform(kind: TaskKind, text: string, task: (options: TaskOptions) => Promise<void>): Promise<void> {
    this.#tasks.get(kind)?.controller.abort();
    const started: Task = { controller: new AbortController(), progress: { text } };
    const { signal } = started.controller;
    this.#tasks.set(kind, started);
    this.clearError();
    try {
      if (kind !== "load") await this.#loading;
      signal.throwIfAborted();
      await task({
        signal,
        onProgress: (progress) => {
          started.progress = progress;
          this.#onChange();
        },
      });
    } catch (error) {
      this.fail(error);
    } finally {
      if (this.#tasks.get(kind) === started) this.#tasks.delete(kind);
      this.#onChange();
    }
  }

  async #tokenize(source: PictureFile, { signal }: TaskOptions): Promise<void> {
    const { file, side, name } = source;
    const { indices: original, ...tokenized } = await this.#loaded.tokenize(file, side, signal);
    this.#show({ ...tokenized, original, name, source });
  }

  #showTokens(name: string, { rows, columns, indices }: TokenGrid): void {
    this.#show({ name, rows, columns, original: indices });
  }

  /** Shows what was opened; `undefined` for nothing. */
  #show(opened: Opened | undefined): void {
    this.#decoder.stop();
    [this.opened, this.decoded, this.#stroke] = [opened, undefined, undefined];
    this.#history = undefined;
    this.tokens = undefined;
    if (opened) this.#setHistory(newHistory(opened.original));
  }

  #setHistory(history: History): void {
    if (history === this.#history && this.tokens === history.tokens) return;
    this.#history = history;
    this.tokens = history.tokens;
    this.#decode({ exact: true });
  }

  #decode({ exact }: { exact: boolean }): void {
    const { rows, columns } = this.opened!;
    this.#decoder.show({ rows, columns, indices: this.tokens! }, { exact });
    this.#onChange();
  }

  async #showDecoded(decoded: DecodedPicture): Promise<void> {
    this.decoded = { ...decoded, psnr: psnrOf(this.opened?.picture, decoded.picture) };
    this.#onChange();
    if (!decoded.exact) return;
    this.memory = await this.#loaded.heldMemory();
    this.#onChange();
  }

  get #loaded(): LoadedModel {
    if (!this.model) throw new TypeError("Cannot compute: no model is loaded");
    return this.model;
  }

  get #context() {
    return { original: this.opened!.original, codes: this.model!.codes };
  }
}

function editOf({ cells, code }: Stroke): Edit {
  const all = [...cells];
  return code === undefined ? { kind: "restore", cells: all } : { kind: "paint", code, cells: all };
}

/** The PSNR, where the sides are the same: those of a decoded picture are multiples of the model's factor. */
function psnrOf(original: Picture | undefined, decoded: Picture): number | undefined {
  const isComparable = original?.width === decoded.width && original.height === decoded.height;
  return isComparable ? psnr(original, decoded) : undefined;
}
