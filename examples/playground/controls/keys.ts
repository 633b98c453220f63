/**
 * What each key does.
 *
 * @module
 */

import type { Session } from "../session.ts";
import { find } from "../views/dom.ts";
import type { Page } from "./page.ts";
import type { Stage } from "../views/stage.ts";
import type { KeyAction } from "./keyboard.ts";
import type { Tools } from "./tools.ts";

const ARROWS: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  arrowup: [-1, 0],
  arrowdown: [1, 0],
  arrowleft: [0, -1],
  arrowright: [0, 1],
};

/** What keys act on. */
export interface KeyTargets {
  readonly stage: Stage;
  readonly tools: Tools;
  readonly session: Session;
  readonly page: Page;
}

/** Every key of the page. */
export function keyActions({ stage, tools, session, page }: KeyTargets): KeyAction[] {
  const paint = (code: number | undefined) => {
    tools.stroke(stage.cursor, code);
    tools.release();
    tools.announcePlace();
  };
  return [
    {
      keys: Object.keys(ARROWS),
      label: "← ↑ → ↓",
      description: "Move from token to token; with Shift by 8",
      onPane: true,
      run({ key, shiftKey }) {
        const [rows, columns] = ARROWS[key.toLowerCase()];
        const steps = shiftKey ? 8 : 1;
        page.after(() => stage.moveCursor(steps * rows, steps * columns));
        tools.announcePlace();
      },
    },
    { keys: ["enter", " "], label: "Enter", description: "Paint", onPane: true, run: () => paint(tools.code) },
    { keys: ["r"], label: "R", description: "Restore", onPane: true, run: () => paint(undefined) },
    { keys: ["p"], label: "P", description: "Pick the code", onPane: true, run: () => tools.pickAt(stage.cursor) },
    { keys: ["s"], label: "S", description: "Swap codes", onPane: true, run: () => tools.swap() },
    { keys: ["["], label: "[", description: "Smaller brush", run: () => tools.resizeBrush(-1) },
    { keys: ["]"], label: "]", description: "Larger brush", run: () => tools.resizeBrush(1) },
    { keys: ["z"], label: "Ctrl Z", description: "Undo", control: true, shift: false, run: () => tools.undo() },
    { keys: ["z"], label: "Ctrl Shift Z", description: "Redo", control: true, shift: true, run: () => tools.redo() },
    { keys: ["+", "="], label: "+", description: "Zoom in", run: () => page.after(() => stage.zoom(1.5)) },
    { keys: ["-"], label: "−", description: "Zoom out", run: () => page.after(() => stage.zoom(1 / 1.5)) },
    { keys: ["0"], label: "0", description: "Show the whole picture", run: () => page.after(() => stage.fit()) },
    { keys: ["1"], label: "1", description: "Inspect", run: () => tools.choose("inspect") },
    { keys: ["2"], label: "2", description: "Paint with the pointer", run: () => tools.choose("paint") },
    { keys: ["3"], label: "3", description: "Pick with the pointer", run: () => tools.choose("pick") },
    { keys: ["4"], label: "4", description: "Restore with the pointer", run: () => tools.choose("restore") },
    { keys: ["m"], label: "M", description: "Margins", run: () => page.toggleMargins() },
    { keys: ["d"], label: "D", description: "Difference", run: () => page.toggleDifference() },
    { keys: ["escape"], label: "Esc", description: "Close the message", run: () => session.clearError() },
    { keys: ["?"], label: "?", description: "These keys", run: () => find("dialog", "keys").showModal() },
  ];
}
