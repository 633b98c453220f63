/// <reference lib="dom" />
/**
 * Everything around the panes: what is shown follows from the session and the tools.
 *
 * @module
 */

import type { Tools } from "./tools.ts";
import type { Session } from "../session.ts";
import { find, showTexts } from "../views/dom.ts";
import { greatestMargin, MAX_DIFFERENCE, rampColour } from "../views/heat_maps.ts";
import { reportOf } from "../views/report.ts";
import type { Stage } from "../views/stage.ts";
import type { TokenCard } from "../views/token_card.ts";

/** What a page shows. */
export interface PageParts {
  readonly session: Session;
  readonly stage: Stage;
  readonly tools: Tools;
  readonly card: TokenCard;
}

/** Controls that need a picture. */
const NEED_PICTURE = ["shuffle", "noise", "mask", "swap", "reset", "save-picture", "copy-link", "measure"];

/** The page. */
export class Page {
  readonly #parts: PageParts;
  #isScheduled = false;

  /** A page that follows the session. */
  constructor(parts: PageParts) {
    this.#parts = parts;
    const { stage, session } = parts;
    find("button", "margins").addEventListener("click", () => this.toggleMargins());
    find("button", "difference").addEventListener("click", () => this.toggleDifference());
    find("button", "zoom-in").addEventListener("click", () => this.after(() => stage.zoom(1.5)));
    find("button", "zoom-out").addEventListener("click", () => this.after(() => stage.zoom(1 / 1.5)));
    find("button", "zoom-fit").addEventListener("click", () => this.after(() => stage.fit()));
    find("button", "error-close").addEventListener("click", () => session.clearError());
    find("button", "task-cancel").addEventListener("click", () => session.cancel());
    find("button", "show-keys").addEventListener("click", () => find("dialog", "keys").showModal());
    drawRamp(find("canvas", "legend-ramp"));
  }

  /** Does something, and shows what came of it. */
  after(action: () => void): void {
    action();
    this.update();
  }

  /** Shows the margins, or the tokens again. */
  toggleMargins(): void {
    this.after(() => this.#parts.stage.showsMargins = !this.#parts.stage.showsMargins);
  }

  /** Shows the difference, or the reconstruction again. */
  toggleDifference(): void {
    this.after(() => this.#parts.stage.showsDifference = !this.#parts.stage.showsDifference);
  }

  /** Shows what has changed, with the next frame. */
  update(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#show();
    });
  }

  #show(): void {
    const { session, stage, tools, card } = this.#parts;
    stage.brush = tools.tool === "paint" || tools.tool === "restore" ? tools.brush : 1;
    stage.draw();
    card.update();
    this.#showTask();
    this.#showControls();
    this.#showNotes();
    showTexts(find("dl", "report"), reportOf(session));
    find("main", "main").ariaBusy = `${session.isBusy}`;
  }

  #showTask(): void {
    const { task, error, notice } = this.#parts.session;
    find("div", "task").hidden = !task;
    if (task) {
      find("span", "task-text").textContent = task.text;
      const progress = find("progress", "task-progress");
      if (task.share === undefined) progress.removeAttribute("value");
      else progress.value = task.share;
    }
    find("div", "error").hidden = !error && !notice;
    find("div", "error").classList.toggle("notice", !error);
    find("p", "error-text").textContent = error ?? notice ?? "";
  }

  #showControls(): void {
    const { session, stage, tools } = this.#parts;
    const { model, opened } = session;
    find("button", "undo").disabled = !session.canUndo;
    find("button", "redo").disabled = !session.canRedo;
    for (const id of NEED_PICTURE) find("button", id).disabled = !opened;
    find("select", "save-tokens").disabled = !opened;
    find("button", "margins").disabled = !opened?.margins;
    find("button", "difference").disabled = !opened?.picture;
    find("button", "margins").ariaPressed = `${stage.showsMargins}`;
    find("button", "difference").ariaPressed = `${stage.showsDifference}`;
    find("output", "brush-size").value = `${tools.brush}`;
    find("output", "percent-value").value = `${tools.percent} %`;
    find("output", "zoom-level").value = `${Math.round(100 * stage.scale)} %`;
    if (model) find("input", "code").max = `${model.codes - 1}`;
    for (const canvas of stage.canvases) {
      canvas.classList.toggle("captures", tools.tool !== "inspect" || stage.isZoomed);
      canvas.classList.toggle("moves", tools.tool === "inspect" && stage.isZoomed);
    }
  }

  #showNotes(): void {
    const { session: { opened, decoded }, stage } = this.#parts;
    const { rows, columns } = stage.grid;
    const size = opened?.picture && `${opened.picture.width} × ${opened.picture.height}`;
    find("span", "original-note").textContent = size ?? "";
    find("span", "tokens-note").textContent = opened ? `${columns} × ${rows}` : "";
    find("span", "reconstruction-note").textContent = decoded ? `${decoded.milliseconds.toFixed(0)} ms` : "";
    for (const canvas of stage.canvases) {
      const name = canvas.id[0].toUpperCase() + canvas.id.slice(1);
      canvas.ariaLabel = opened ? `${name}, ${rows} rows and ${columns} columns of tokens` : `${name}, empty`;
    }
    this.#showLegend();
  }

  #showLegend(): void {
    const { session: { opened }, stage } = this.#parts;
    const margins = stage.showsMargins ? opened?.margins : undefined;
    const difference = stage.showsDifference && opened?.picture !== undefined;
    find("div", "legend").hidden = !margins && !difference;
    const low = [margins && `margin ${greatestMargin(margins).toPrecision(2)}`, difference && "equal"];
    const high = [margins && "margin 0", difference && `${MAX_DIFFERENCE} levels apart`];
    find("span", "legend-low").textContent = low.filter(Boolean).join(" · ");
    find("span", "legend-high").textContent = high.filter(Boolean).join(" · ");
  }
}

function drawRamp(canvas: HTMLCanvasElement): void {
  const context = canvas.getContext("2d")!;
  for (let x = 0; x < canvas.width; x++) {
    context.fillStyle = `rgb(${rampColour(x / (canvas.width - 1)).join(" ")})`;
    context.fillRect(x, 0, 1, 1);
  }
}
