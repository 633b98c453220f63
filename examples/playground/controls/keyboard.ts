/// <reference lib="dom" />
/**
 * Keys: one list for what they do and for the help that shows them.
 *
 * @module
 */

import { create } from "../views/dom.ts";

/** A key and what it does. */
export interface KeyAction {
  /** Values of `KeyboardEvent.key`, in lower case. */
  readonly keys: readonly string[];
  /** How the help calls them. */
  readonly label: string;
  readonly description: string;
  /** Whether Ctrl or ⌘ is pressed too. Default false. */
  readonly control?: boolean;
  /** Whether Shift is pressed too. Default: either. */
  readonly shift?: boolean;
  /** Whether a pane must have the focus. Default false. */
  readonly onPane?: boolean;
  run(event: KeyboardEvent): void;
}

/** Listens to keys, unless they are typed into a control. */
export function listenToKeys(actions: readonly KeyAction[], isPane: (element: Element) => boolean): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target as Element;
    if (event.altKey || target.closest("input, select, textarea, dialog")) return;
    const key = event.key.toLowerCase();
    const found = actions.find(({ keys, control = false, shift = event.shiftKey, onPane = false }) =>
      keys.includes(key) && control === (event.ctrlKey || event.metaKey) && shift === event.shiftKey &&
      (!onPane || isPane(target))
    );
    if (!found) return;
    event.preventDefault();
    found.run(event);
  });
}

/** The list of keys, for a `<dl>`. */
export function describeKeys(actions: readonly KeyAction[]): HTMLElement[] {
  return actions.flatMap(({ label, description }) => {
    const keys = label.split(" ").map((key) => create("kbd", {}, key));
    return [create("dt", {}, ...keys), create("dd", {}, description)];
  });
}
