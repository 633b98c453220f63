/**
 * What is open: a model, a picture, its tokens and their edits. Knows nothing of the page.
 *
 * @module
 */

import { applyEdit, type Edit } from "./editing/edits.ts";
import { addEdit, type History, newHistory, redo, undo } from "./editing/history.ts";
import { checkEdit, type Shared } from "./editing/link.ts";
import { LiveDecoder } from "./engine/live_decoder.ts";
import type {
  DecodedPicture,
  DeviceChoice,
  LoadProgress,
  Memory,
  ModelInfo,
  ModelSource,
  Pixels,
  ProfileLine,
  TokenizedPicture,
} from "./engine/protocol.ts";
import type { CallOptions, Remote } from "./engine/rpc.ts";
import type { EngineMethods } from "./engine/worker.ts";

/** A picture or tokens that are open. */
export interface Opened {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** The tokens before any edit. */
  readonly original: Int32Array<ArrayBuffer>;
  /** The file, unless only tokens were opened. */
  readonly source?: PictureFile;
  /** The picture as the model sees it. */
  readonly picture?: Pixels;
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

/** A stroke that is not finished. */
interface Stroke {
  readonly cells: Set<number>;
  /** The code to paint; without it, the stroke restores. */
  readonly code?: number;
}

/** A model, a picture and its edits. */
export class Session {
  readonly engine: Remote<EngineMethods>;
  readonly #decoder: LiveDecoder;
  readonly #onChange: () => void;
  #loading: AbortController | undefined;
  #stroke: Stroke | undefined;
  #history: History | undefined;

  /** The model, once it is loaded. */
  model: ModelInfo | undefined;
  /** Where it is from. */
  source: ModelSource | undefined;
  /** The picture or tokens. */
  opened: Opened | undefined;
  /** The tokens now, with those of the current stroke. */
  tokens: Int32Array<ArrayBuffer> | undefined;
  /** What they were decoded to last. */
  decoded: DecodedPicture | undefined;
  /** Memory of the model after the last exact picture. */
  memory: Memory | undefined;
  /** What takes time now. */
  task: LoadProgress | undefined;
  /** What went wrong last. */
  error: string | undefined;
  /** What went well, where that needs words. */
  notice: string | undefined;

  /** A session without a model. `onChange` is called after every change. */
  constructor(engine: Remote<EngineMethods>, onChange: () => void) {
    this.engine = engine;
    this.#onChange = onChange;
    this.#decoder = new LiveDecoder({
      decode: (request, signal) => engine.call("decode", request, { signal }),
      onPicture: (decoded) => void this.#showDecoded(decoded),
      onError: (error) => this.fail(error),
    });
  }

  /** Whether anything is computed or loaded. */
  get isBusy(): boolean {
    return this.task !== undefined || this.#decoder.isBusy;
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
  async load(source: ModelSource, device: DeviceChoice): Promise<void> {
    this.#loading?.abort(new DOMException("Another model was chosen", "AbortError"));
    const { signal } = this.#loading = new AbortController();
    this.#decoder.stop();
    const kept = source === this.source ? this.#history : undefined;
    await this.#perform(`Loading ${source.name}`, async (onProgress) => {
      const model = await this.engine.call("load", { source, device }, { signal, onProgress });
      [this.model, this.source] = [model, source];
      const { opened } = this;
      this.#show(undefined);
      if (opened?.source) await this.#tokenize(opened.source, signal);
      if (kept && this.opened?.original.length === kept.tokens.length) this.#setHistory(kept);
    });
  }

  /** Opens a picture file. */
  async open(source: PictureFile): Promise<void> {
    await this.#perform(`Opening ${source.name}`, () => this.#tokenize(source));
  }

  /** Opens a token file. */
  async openTokens(file: File): Promise<void> {
    await this.#perform(`Opening ${file.name}`, async () => {
      const { rows, columns, indices } = await this.engine.call("decodeTokens", { file });
      await this.engine.call("forget", undefined);
      this.#show({ name: file.name, rows, columns, original: indices });
    });
  }

  /** Opens what a link holds, with the model that it names; `sample` loads a sample picture. */
  async openShared({ content }: Shared, sample: (name: string) => Promise<Blob>): Promise<void> {
    await this.#perform("Opening the link", async () => {
      if (!("edits" in content)) {
        const { rows, columns, indices } = content;
        await this.engine.call("forget", undefined);
        this.#show({ name: "tokens", rows, columns, original: indices });
        return;
      }
      const { picture, side, edits } = content;
      await this.#tokenize({ file: await sample(picture), name: picture, side, sample: picture });
      for (const edit of edits) {
        checkEdit(edit, { cells: this.opened!.original.length, codes: this.model!.codes });
        this.#setHistory(addEdit(this.#history!, edit, this.#context));
      }
    });
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

  /** Measures each op on the picture that is open. */
  async measure(): Promise<ProfileLine[] | undefined> {
    let lines: ProfileLine[] | undefined;
    await this.#perform("Measuring each op", async () => {
      lines = await this.engine.call("profile", undefined);
    });
    return lines;
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

  /** Runs a task and shows that it runs. Errors are shown too; cancelled tasks are not errors. */
  async #perform(text: string, task: (onProgress: CallOptions["onProgress"]) => Promise<void>): Promise<void> {
    const started: LoadProgress = { text };
    [this.task, this.error, this.notice] = [started, undefined, undefined];
    let latest = started;
    this.#onChange();
    try {
      await task((progress) => {
        if (this.task === latest) this.task = latest = progress as LoadProgress;
        this.#onChange();
      });
    } catch (error) {
      this.fail(error);
    } finally {
      if (this.task === latest) this.task = undefined;
      this.#onChange();
    }
  }

  async #tokenize(source: PictureFile, signal?: AbortSignal): Promise<void> {
    const { file, side, name } = source;
    const { indices: original, ...tokenized } = await this.engine.call("tokenize", { file, side }, { signal });
    this.#show({ ...tokenized, original, name, source });
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
    this.decoded = decoded;
    this.#onChange();
    if (!decoded.exact) return;
    this.memory = await this.engine.call("memory", undefined);
    this.#onChange();
  }

  get #context() {
    return { original: this.opened!.original, codes: this.model!.codes };
  }
}

function editOf({ cells, code }: Stroke): Edit {
  const all = [...cells];
  return code === undefined ? { kind: "restore", cells: all } : { kind: "paint", code, cells: all };
}
