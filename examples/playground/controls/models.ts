/// <reference lib="dom" />
/**
 * The list of models.
 *
 * @module
 */

import type { ModelSource } from "../engine/types.ts";
import { create, find } from "../views/dom.ts";

/** The name of the model that is part of the site. */
export const BUNDLED = "leaves-f4";

/** Public models of the Hub that need no further options. */
const HUB_MODELS = [
  "amused/amused-256",
  "amused/amused-512",
  "CompVis/ldm-celebahq-256",
  "microsoft/vq-diffusion-ithq",
  "kandinsky-community/kandinsky-2-2-decoder",
  "boris/vqgan_f16_16384",
  "openMUSE/maskgit-vqgan-imagenet-f16-256",
];

const [OTHER, FILES] = ["other", "files"];

/** The model with a name: that of the site, or one of the Hub. */
export function sourceOf(name: string): ModelSource {
  if (name !== BUNDLED) return { kind: "hub", name };
  return { kind: "site", name, url: new URL(`models/${name}`, document.baseURI).href };
}

/** What the list asks for. */
export interface ModelActions {
  load(source: ModelSource): void;
  chooseFiles(): void;
}

/** Fills the list, and listens to it and to the form for repositories of the Hub. */
export function listenToModels({ load, chooseFiles }: ModelActions): void {
  const list = find("select", "model");
  const form = find("form", "hub");
  const option = (value: string, text = value) => create("option", { value }, text);
  list.append(
    create("optgroup", { label: "With this page" }, option(BUNDLED)),
    create("optgroup", { label: "Hugging Face Hub" }, ...HUB_MODELS.map((name) => option(name))),
    create("optgroup", { label: "Others" }, option(OTHER, "Repository on the Hub…"), option(FILES, "Files…")),
  );
  list.addEventListener("change", () => {
    const { value } = list;
    form.hidden = value !== OTHER;
    if (value === OTHER) return find("input", "hub-name").focus();
    if (value !== FILES) return load(sourceOf(value));
    list.value = selected; // until files are chosen
    chooseFiles();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load(sourceOf(find("input", "hub-name").value.trim()));
  });
}

/** The name of the model that is loaded. */
let selected = BUNDLED;

/** Selects a model in the list, which gets an entry for it if it has none. */
export function selectModel({ name }: ModelSource): void {
  const list = find("select", "model");
  if (![...list.options].some(({ value }) => value === name)) {
    list.prepend(create("option", { value: name }, name));
  }
  list.value = selected = name;
  find("form", "hub").hidden = true;
}
