/// <reference lib="dom" />
/**
 * Files that are chosen, dropped, pasted or saved.
 *
 * @module
 */

import { create, find } from "../views/dom.ts";

/** What files are. */
export type FileKind = "picture" | "tokens" | "model";

/** What files are, by the names of all. */
export function kindOf(files: readonly File[]): FileKind {
  const names = files.map(({ name }) => name.toLowerCase());
  if (names.some((name) => /\.(ckpt|pth|bin|ya?ml)$/.test(name)) || names.includes("config.json")) return "model";
  if (names.some((name) => name.endsWith(".safetensors"))) return "model";
  return names.some((name) => /\.(npy|npz|json|pt)$/.test(name)) ? "tokens" : "picture";
}

/** What a model is called that is loaded from files: the name of the first one with weights. */
export function modelName(files: readonly File[]): string {
  const weights = files.find(({ name }) => !/\.(json|ya?ml)$/i.test(name)) ?? files[0];
  return weights.name;
}

/** Calls back with files that are dropped on the page or pasted. */
export function listenToFiles(onFiles: (files: File[]) => void): void {
  const overlay = find("div", "drop");
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    overlay.hidden = false;
  });
  document.addEventListener("dragleave", (event) => overlay.hidden ||= event.relatedTarget === null);
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    overlay.hidden = true;
    report(event.dataTransfer!.files);
  });
  document.addEventListener("paste", (event) => report(event.clipboardData?.files ?? []));

  function report(files: Iterable<File>): void {
    const all = [...files];
    if (all.length > 0) onFiles(all);
  }
}

/** Lets a file be chosen with an `<input type="file">` of the page. */
export function chooseFiles(id: string, onFiles: (files: File[]) => void): void {
  const input = find("input", id);
  input.onchange = () => {
    const files = [...input.files ?? []];
    input.value = "";
    if (files.length > 0) onFiles(files);
  };
  input.click();
}

/** Saves a file as a download. */
export function saveFile(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  create("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
