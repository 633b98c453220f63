/// <reference lib="dom" />
/**
 * Keeps the card of the selected token, and what codes look like, up to date.
 *
 * @module
 */

import { cellOf } from "../editing/brush.ts";
import type { LoadedModel } from "../engine/loaded_model.ts";
import type { Pixels } from "../engine/types.ts";
import type { Session } from "../session.ts";
import { drawPatch, find } from "./dom.ts";
import { createInspector, type Inspector } from "./inspector.ts";
import type { Stage } from "./stage.ts";

/** Number of neighbours that are shown, the code itself among them. */
const NEIGHBOURS = 15;
/** Milliseconds that the cursor rests before neighbours are looked up. */
const REST = 120;

/** The code to paint with. */
export interface CodePicker {
  readonly code: number;
  pick(code: number): void;
}

/** The card of the selected token. */
export class TokenCard {
  readonly #session: Session;
  readonly #stage: Stage;
  readonly #inspector: Inspector;
  readonly #picker: CodePicker;
  readonly #swatch = find("canvas", "code-swatch");
  /** What codes of the model look like. */
  #swatches = new Map<number, Pixels>();
  #model: Session["model"];
  #shown: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking = new AbortController();

  /** The card of a session. Picks a neighbour that is chosen. */
  constructor(session: Session, stage: Stage, picker: CodePicker) {
    this.#session = session;
    this.#stage = stage;
    this.#picker = picker;
    this.#inspector = createInspector(find("div", "token-card"), (code) => picker.pick(code));
  }

  /** Shows the token under the cursor. */
  update(): void {
    const { model, opened, tokens, decoded } = this.#session;
    if (!model || !opened || !tokens) return;
    if (model !== this.#model) [this.#model, this.#swatches, this.#shown] = [model, new Map(), undefined];
    const cell = cellOf(this.#stage.cursor, this.#stage.grid);
    const { original, margins, picture } = opened;
    this.#inspector.show({
      ...this.#stage.cursor,
      code: tokens[cell],
      original: original[cell],
      margin: margins?.[cell],
      factor: model.factor,
      picture,
      reconstruction: decoded?.picture,
    });
    this.#drawSwatch();
    if (tokens[cell] === this.#shown) return;
    this.#shown = tokens[cell];
    clearTimeout(this.#timer);
    this.#looking.abort();
    this.#timer = setTimeout(() => void this.#lookUp(tokens[cell], model), REST);
  }

  async #lookUp(code: number, model: LoadedModel): Promise<void> {
    const { signal } = this.#looking = new AbortController();
    try {
      const neighbours = await model.neighbours(code, NEIGHBOURS);
      signal.throwIfAborted();
      this.#inspector.showNeighbours(neighbours, this.#swatches);
      await this.#see([...neighbours.map(({ code }) => code), this.#picker.code], model, signal);
      this.#inspector.showNeighbours(neighbours, this.#swatches);
    } catch (error) {
      if (model === this.#session.model) this.#session.fail(error); // one that is replaced ends its calls
    }
  }

  /** Finds out what codes look like that were not seen yet. */
  async #see(codes: readonly number[], model: LoadedModel, signal: AbortSignal): Promise<void> {
    const unseen = codes.filter((code) => !this.#swatches.has(code));
    if (unseen.length === 0) return;
    const swatches = this.#swatches;
    const seen = await model.swatches(unseen, signal);
    unseen.forEach((code, i) => swatches.set(code, seen[i]));
    this.#drawSwatch();
  }

  /** Draws the code that is picked, in false colour until it was seen. */
  #drawSwatch(): void {
    const { code } = this.#picker;
    const seen = this.#swatches.get(code);
    const colour = this.#session.model?.colours.slice(4 * code, 4 * code + 4);
    if (seen) drawPatch(this.#swatch, seen);
    else if (colour?.length === 4) drawPatch(this.#swatch, { width: 1, height: 1, data: colour });
  }
}
