/// <reference lib="dom" />
/**
 * The card of the token that is selected: its index, its patches and the codes nearest to it.
 *
 * @module
 */

import type { Neighbour, Pixels } from "../engine/types.ts";
import { create, drawPatch, type Part, showTexts } from "./dom.ts";

/** What the card shows. */
export interface TokenDetails {
  readonly row: number;
  readonly column: number;
  readonly code: number;
  /** The code before any edit. */
  readonly original: number;
  readonly margin?: number;
  /** Pixels per token along each side. */
  readonly factor: number;
  readonly picture?: Pixels;
  readonly reconstruction?: Pixels;
}

/** Pixels of a patch's canvas along each side. */
const PATCH = 68;

/** The parts of the card that change, so that buttons keep the focus. */
export interface Inspector {
  /** Shows a token. */
  show(details: TokenDetails): void;
  /** Shows the codes nearest to the token's, which come later; with what they look like, later still. */
  showNeighbours(neighbours: readonly Neighbour[], swatches: ReadonlyMap<number, Pixels>): void;
}

/** Fills the card. `onPick` is called with the code of a neighbour that is chosen. */
export function createInspector(card: HTMLElement, onPick: (code: number) => void): Inspector {
  const [original, decoded] = [createPatch("Original"), createPatch("Decoded")];
  const patches = create("div", { className: "patches" }, original.figure, decoded.figure);
  const facts = create("dl");
  const neighbours = create("ul", { className: "neighbours" });
  neighbours.setAttribute("aria-label", "Nearest codes");

  return {
    show(details) {
      if (!patches.isConnected) card.replaceChildren(patches, facts, neighbours);
      const { row, column, factor, picture, reconstruction } = details;
      const part = { x: column * factor, y: row * factor, width: factor, height: factor };
      original.show(picture, part);
      decoded.show(reconstruction, part);
      showTexts(facts, factsOf(details));
    },
    showNeighbours(codes, swatches) {
      neighbours.replaceChildren(...codes.map(({ code, distance }) => {
        const canvas = create("canvas", { className: "swatch", width: 24, height: 24 });
        const swatch = swatches.get(code);
        if (swatch) drawPatch(canvas, swatch);
        const button = create("button", { type: "button", title: `Paint with code ${code}` }, canvas, `${code}`);
        button.append(create("small", {}, distance === 0 ? "itself" : `at ${distance.toPrecision(2)}`));
        button.addEventListener("click", () => onPick(code));
        return create("li", {}, button);
      }));
    },
  };
}

/** A patch of a picture, with its name. */
function createPatch(name: string): { figure: HTMLElement; show(pixels: Pixels | undefined, part: Part): void } {
  const canvas = create("canvas", { width: PATCH, height: PATCH });
  const figure = create("figure", {}, canvas, name);
  return {
    figure,
    show(pixels, part) {
      figure.hidden = !pixels;
      if (pixels) drawPatch(canvas, pixels, part);
    },
  };
}

function factsOf({ row, column, code, original, margin }: TokenDetails): [string, string][] {
  return [
    ["Place", `row ${row}, column ${column}`],
    ["Index", code === original ? `${code}` : `${code}, was ${original}`],
    ["Margin", margin === undefined ? "unknown" : margin.toPrecision(3)],
  ];
}
