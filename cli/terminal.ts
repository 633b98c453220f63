// deno-lint-ignore-file no-console
/**
 * Progress on the terminal.
 *
 * @module
 */

import process from "node:process";
import { printable, type Progress } from "../mod.ts";

/** Whether standard error is a terminal. */
export const WATCHED = Boolean(process.stderr.isTTY);

/** Shows the progress of loading a model. */
export function showLoading({ status, file, loaded, total, reason }: Progress): void {
  switch (status) {
    case "ready":
      return rewriteLine("");
    case "ignored":
    case "repeat":
    case "fallback":
      rewriteLine("");
      return console.error(printable(reason ?? ""));
    case "offline":
      return rewriteLine(`Using the cache: ${file}`);
    default:
      return rewriteLine(`Loading ${percent(loaded, total)}: ${file}`);
  }
}

/** Milliseconds before progress is shown. */
const PATIENCE = 2000;

/** Shows the progress of a call of the model, once it takes long. */
export async function showComputing<T>(
  task: string,
  call: (options: { onProgress?: (done: number, total: number) => void }) => Promise<T>,
  show = WATCHED ? rewriteLine : undefined,
): Promise<T> {
  if (!show) return await call({});
  const started = performance.now();
  try {
    return await call({
      onProgress(done, total) {
        if (performance.now() - started > PATIENCE) show(`${task} ${percent(done, total)}`);
      },
    });
  } finally {
    show("");
  }
}

/** Replaces the last line of the terminal, cut to its width. */
export function rewriteLine(text: string): void {
  const columns = process.stderr.columns || 80; // 0 if unknown
  const visible = printable(text).slice(0, columns - 1);
  process.stderr.write(`\r\x1b[K${visible}`);
}

function percent(done: number, total: number): string {
  return `${total > 0 ? Math.floor(100 * done / total) : 100}%`;
}
