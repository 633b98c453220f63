/// <reference lib="dom" />
/**
 * Starts the page and wires its controls.
 *
 * @module
 */

import { announce } from "./controls/announcer.ts";
import { takePicture } from "./controls/camera.ts";
import { chooseFiles, kindOf, listenToFiles, modelName } from "./controls/files.ts";
import { describeKeys, listenToKeys } from "./controls/keyboard.ts";
import { keyActions } from "./controls/keys.ts";
import { BUNDLED, listenToModels, selectModel, sourceOf } from "./controls/models.ts";
import { Page } from "./controls/page.ts";
import { listenToPointers } from "./controls/pointer.ts";
import { listenToSaving } from "./controls/saving.ts";
import { Tools } from "./controls/tools.ts";
import { decodeLink } from "./editing/link.ts";
import { loadModel } from "./engine/loading.ts";
import type { DeviceChoice, ModelSource } from "./engine/types.ts";
import { isolate } from "./isolation.ts";
import { Session } from "./session.ts";
import { create, find } from "./views/dom.ts";
import { profileTable } from "./views/report.ts";
import { Stage } from "./views/stage.ts";
import { TokenCard } from "./views/token_card.ts";

if (!await isolate()) await start();

async function start(): Promise<void> {
  const startWorker = () => new Worker(new URL("./engine/worker.js", import.meta.url), { type: "module" });
  const session = new Session((source, options) => loadModel(startWorker(), source, options), () => page.update());
  const stage = new Stage(session);
  const tools = new Tools(session, stage, () => page.update());
  const card = new TokenCard(session, stage, tools);
  const page = new Page({ session, stage, tools, card });

  for (const canvas of stage.canvases) {
    listenToPointers(canvas, {
      hover: (at) => tools.hover(at),
      press: (at) => tools.press(at),
      drag: (at) => tools.drag(at),
      release: () => tools.release(),
      cancel: () => tools.cancel(),
      pan: (by) => page.after(() => stage.pan(by)),
      zoom: (factor, at) => page.after(() => stage.zoom(factor, at)),
      isMoving: () => tools.tool === "inspect",
    });
    canvas.addEventListener("focus", () => tools.announcePlace());
  }
  new ResizeObserver(() => page.after(() => stage.isZoomed || stage.fit())).observe(stage.canvases[0]);

  const keys = keyActions({ stage, tools, session, page });
  listenToKeys(keys, (element) => stage.canvases.some((canvas) => canvas === element));
  find("dl", "keys-list").append(...describeKeys(keys));

  listenToModels({
    load: (source) => void load(source),
    chooseFiles: () =>
      chooseFiles("model-files", (files) => void load({ kind: "files", name: modelName(files), files })),
  });
  find("select", "device").addEventListener("change", () => void load(session.source ?? sourceOf(BUNDLED)));
  listenToFiles(openFiles);
  listenToSaving(session);
  find("button", "open").addEventListener("click", () => chooseFiles("file", openFiles));
  find("button", "camera").addEventListener("click", () => void openCamera());
  find("select", "sample").addEventListener("change", (event) => {
    const { value, options } = event.target as HTMLSelectElement;
    void openSample(value);
    options[0].selected = true;
  });
  find("select", "side").addEventListener("change", () => {
    const { source } = session.opened ?? {};
    if (source) void session.open({ ...source, side: side() });
  });
  find("button", "measure").addEventListener("click", () => void measure());
  globalThis.addEventListener("hashchange", () => void openLink());

  if (!await openLink()) {
    const file = fetchSample("still-life");
    await load(sourceOf(BUNDLED));
    if (session.model && !session.isBusy) await openSample("still-life", file); // unless a picture was dropped meanwhile
  }

  async function load(source: ModelSource): Promise<void> {
    await session.load(source, find("select", "device").value as DeviceChoice);
    if (!session.source) return;
    selectModel(session.source);
    const { model } = session;
    if (!model || session.source !== source) return;
    announce(`${source.name} is loaded. It has ${model.codes} codes.`);
    if (model.fallback && !session.error) session.notify(model.fallback);
  }

  async function openSample(name: string, file: Promise<Blob> = fetchSample(name)): Promise<void> {
    try {
      await session.open({ file: await file, name, side: side(), sample: name });
    } catch (error) {
      session.fail(error);
    }
  }

  async function openCamera(): Promise<void> {
    try {
      const file = await takePicture();
      if (file) await session.open({ file, name: "camera", side: side() });
    } catch (error) {
      session.fail(error);
    }
  }

  function openFiles(files: File[]): void {
    const [file] = files;
    switch (kindOf(files)) {
      case "picture":
        return void session.open({ file, name: file.name, side: side() });
      case "tokens":
        return void session.openTokens(file);
      case "model":
        return void load({ kind: "files", name: modelName(files), files });
    }
  }

  /** Opens what the address holds. Returns whether it holds anything. */
  async function openLink(): Promise<boolean> {
    try {
      const shared = await decodeLink(location.hash);
      if (!shared) return false;
      if ("side" in shared.content) selectSide(shared.content.side);
      await load(sourceOf(shared.model));
      if (session.source?.name === shared.model) await session.openShared(shared, fetchSample);
    } catch (error) {
      session.fail(error);
    }
    return true;
  }

  async function measure(): Promise<void> {
    const ops = await session.measure();
    if (ops) find("div", "profile-table").replaceChildren(profileTable(ops));
  }
}

/** The longer side of pictures, in pixels. */
function side(): number {
  return Number(find("select", "side").value);
}

function selectSide(side: number): void {
  const list = find("select", "side");
  if (![...list.options].some(({ value }) => Number(value) === side)) list.append(create("option", {}, `${side}`));
  list.value = `${side}`;
}

async function fetchSample(name: string): Promise<Blob> {
  const response = await fetch(`images/${name}.png`);
  if (!response.ok) throw new Error(`Cannot load the sample picture ${name}: ${response.status}`);
  return await response.blob();
}
