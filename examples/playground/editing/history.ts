/**
 * Undo and redo. A history is a value: every function returns a new one.
 *
 * @module
 */

import { applyEdit, type Edit, type EditContext } from "./edits.ts";

/** An edit, and the tokens before and after it. */
interface Step {
  readonly edit: Edit;
  readonly before: Int32Array<ArrayBuffer>;
  readonly after: Int32Array<ArrayBuffer>;
}

/** What was done to tokens, and what was undone of it. */
export interface History {
  /** The tokens now. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** Edits that can be undone, the oldest first. */
  readonly done: readonly Step[];
  /** Edits that can be redone, the next one last. */
  readonly undone: readonly Step[];
  /** Whether `done` begins with the first edit of all: old ones are forgotten to save memory. */
  readonly isComplete: boolean;
}

/** Most bytes of tokens that are kept. */
const MAX_BYTES = 64e6;

/** The history of tokens that were not edited yet. */
export function newHistory(tokens: Int32Array<ArrayBuffer>): History {
  return { tokens, done: [], undone: [], isComplete: true };
}

/** Adds an edit. One that changes nothing is left out. */
export function addEdit(history: History, edit: Edit, context: EditContext): History {
  const before = history.tokens;
  const after = applyEdit(before, edit, context);
  if (after.every((code, cell) => code === before[cell])) return history;
  const kept = Math.max(1, Math.floor(MAX_BYTES / after.byteLength));
  const all = [...history.done, { edit, before, after }];
  return { tokens: after, done: all.slice(-kept), undone: [], isComplete: history.isComplete && all.length <= kept };
}

/** Undoes the last edit, if there is one. */
export function undo(history: History): History {
  const step = history.done.at(-1);
  if (!step) return history;
  return {
    ...history,
    tokens: step.before,
    done: history.done.slice(0, -1),
    undone: [...history.undone, step],
  };
}

/** Redoes the edit that was undone last, if there is one. */
export function redo(history: History): History {
  const step = history.undone.at(-1);
  if (!step) return history;
  return {
    ...history,
    tokens: step.after,
    done: [...history.done, step],
    undone: history.undone.slice(0, -1),
  };
}
