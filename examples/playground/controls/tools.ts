/// <reference lib="dom" />
/**
 * Tools: what pointing, pressing and keys do to tokens.
 *
 * @module
 */

import { cellOf, type Place, strokeCells } from "../editing/brush.ts";
import type { Edit } from "../editing/edits.ts";
import type { Session } from "../session.ts";
import { find } from "../views/dom.ts";
import type { Stage } from "../views/stage.ts";
import type { Point } from "../views/viewport.ts";
import { announce } from "./announcer.ts";

/** A tool. */
export type Tool = "inspect" | "paint" | "pick" | "restore";

/** The edits that buttons make. */
const CHANGES = ["shuffle", "noise", "mask"] as const;

/** The tools and their settings. */
export class Tools {
  readonly #session: Session;
  readonly #stage: Stage;
  readonly #onChange: () => void;
  readonly #code = find("input", "code");
  readonly #brush = find("input", "brush");
  readonly #percent = find("input", "percent");
  /** Where the current stroke was last. */
  #last: Place | undefined;

  /** Tools for a session, with the controls of the page. */
  constructor(session: Session, stage: Stage, onChange: () => void) {
    this.#session = session;
    this.#stage = stage;
    this.#onChange = onChange;
    for (const input of document.querySelectorAll<HTMLInputElement>("input[name=tool]")) {
      input.addEventListener("change", () => this.choose(input.value as Tool));
    }
    for (const input of [this.#code, this.#brush, this.#percent]) input.addEventListener("input", onChange);
    for (const kind of CHANGES) find("button", kind).addEventListener("click", () => this.change(kind));
    find("button", "swap").addEventListener("click", () => this.swap());
    find("button", "undo").addEventListener("click", () => this.undo());
    find("button", "redo").addEventListener("click", () => this.redo());
    find("button", "reset").addEventListener("click", () => this.reset());
  }

  /** The tool that is chosen. */
  get tool(): Tool {
    return document.querySelector<HTMLInputElement>("input[name=tool]:checked")!.value as Tool;
  }

  /** The code to paint with. */
  get code(): number {
    const greatest = (this.#session.model?.codes ?? 1) - 1;
    return Math.min(Math.max(0, Math.floor(this.#code.valueAsNumber || 0)), greatest);
  }

  /** Tokens under the brush along each side. */
  get brush(): number {
    return this.#brush.valueAsNumber;
  }

  /** Share of the tokens that changes of all concern. */
  get percent(): number {
    return this.#percent.valueAsNumber;
  }

  /** Chooses a tool. */
  choose(tool: Tool): void {
    document.querySelector<HTMLInputElement>(`input[name=tool][value=${tool}]`)!.checked = true;
    this.#onChange();
  }

  /** Picks a code to paint with. */
  pick(code: number): void {
    this.#code.value = `${code}`;
    announce(`Code ${code} is picked`);
    this.#onChange();
  }

  /** Makes the brush larger or smaller. */
  resizeBrush(by: number): void {
    this.#brush.value = `${this.brush + by}`;
    announce(`Brush of ${this.brush}`);
    this.#onChange();
  }

  /** Selects the token at a point. */
  hover(at: Point): void {
    const place = this.#stage.placeAt(at);
    if (!place) return;
    this.#stage.cursor = place;
    this.#onChange();
  }

  /** Uses the tool at a point. */
  press(at: Point): void {
    this.#last = undefined;
    this.drag(at);
  }

  /** Uses the tool on the way from the last point. */
  drag(at: Point): void {
    const place = this.#stage.placeAt(at);
    if (!place) return;
    this.#stage.cursor = place;
    this.apply(place);
  }

  /** Ends what {@linkcode press} began. */
  release(): void {
    this.#last = undefined;
    this.#session.endStroke();
  }

  /** Undoes what {@linkcode press} began. */
  cancel(): void {
    this.#last = undefined;
    this.#session.cancelStroke();
  }

  /** Uses the tool at a place. */
  apply(place: Place): void {
    if (this.tool === "pick") return this.pickAt(place);
    this.stroke(place, this.tool === "restore" ? undefined : this.code);
  }

  /** Continues a stroke of a code, or one that restores. */
  stroke(place: Place, code: number | undefined): void {
    this.#session.stroke(strokeCells(this.#last ?? place, place, this.brush, this.#stage.grid), code);
    this.#last = place;
  }

  /** Picks the code at a place. */
  pickAt(place: Place): void {
    const code = this.codeAt(place);
    if (code !== undefined) this.pick(code);
  }

  /** The code at a place. */
  codeAt(place: Place): number | undefined {
    return this.#session.tokens?.[cellOf(place, this.#stage.grid)];
  }

  /** Changes a share of all tokens. */
  change(kind: typeof CHANGES[number]): void {
    const share = { percent: this.percent, seed: Math.floor(Math.random() * 2 ** 31) };
    this.#edit(kind === "mask" ? { kind, ...share, code: this.code } : { kind, ...share });
  }

  /** Exchanges the code of the selected token with the code that is picked. */
  swap(): void {
    const code = this.codeAt(this.#stage.cursor);
    if (code !== undefined) this.#edit({ kind: "swap", codes: [code, this.code] });
  }

  /** Restores all tokens. */
  reset(): void {
    const cells = Array.from({ length: this.#session.tokens?.length ?? 0 }, (_, cell) => cell);
    this.#edit({ kind: "restore", cells });
  }

  /** Undoes the last edit. */
  undo(): void {
    this.#session.undo();
    announce("Undone");
  }

  /** Redoes the edit that was undone last. */
  redo(): void {
    this.#session.redo();
    announce("Redone");
  }

  /** Says which token is selected. */
  announcePlace(): void {
    const { row, column } = this.#stage.cursor;
    const code = this.codeAt(this.#stage.cursor);
    if (code === undefined) return announce("No picture is open");
    const margin = this.#session.opened?.margins?.[cellOf({ row, column }, this.#stage.grid)];
    const certainty = margin === undefined ? "" : `, margin ${margin.toPrecision(2)}`;
    announce(`Row ${row}, column ${column}, index ${code}${certainty}`);
  }

  #edit(edit: Edit): void {
    this.#session.edit(edit);
    announce(`${edit.kind}: done`);
  }
}
