/// <reference lib="dom" />
/**
 * Saves pictures and tokens, and copies links.
 *
 * @module
 */

import { encodeLink, LONG_LINK, MAX_LINK, type Shared } from "../editing/link.ts";
import type { Session } from "../session.ts";
import { canvasOf, find, pngOf } from "../views/dom.ts";
import { announce } from "./announcer.ts";
import { saveFile } from "./files.ts";

/** Listens to the buttons. */
export function listenToSaving(session: Session): void {
  const attempt = (task: () => Promise<void>) => () => void task().catch((error) => session.fail(error));
  find("button", "save-picture").addEventListener("click", attempt(() => savePicture(session)));
  find("button", "copy-link").addEventListener("click", attempt(() => copyLink(session)));
  const formats = find("select", "save-tokens");
  formats.addEventListener(
    "change",
    attempt(async () => {
      const format = formats.value as "npy" | "json";
      formats.selectedIndex = 0;
      await saveTokens(session, format);
    }),
  );
}

async function savePicture(session: Session): Promise<void> {
  const picture = await session.picture();
  if (!picture) throw new Error("Cannot save the picture: nothing is open");
  const name = `${baseName(session.opened!.name)}-decoded.png`;
  saveFile(await pngOf(canvasOf(picture)), name);
}

async function saveTokens({ model, tokens, opened }: Session, format: "npy" | "json"): Promise<void> {
  if (!model || !tokens || !opened) throw new Error("Cannot save the tokens: no picture is open");
  const { rows, columns, name } = opened;
  const bytes = await model.encodeTokens({ rows, columns, indices: tokens }, format);
  const type = format === "json" ? "application/json" : "application/octet-stream";
  saveFile(new Blob([bytes], { type }), `${baseName(name)}.${format}`);
}

/** Puts what is open into the address, and the address on the clipboard. */
async function copyLink(session: Session): Promise<void> {
  const fragment = await encodeLink(sharedOf(session), session.model!.codes);
  const link = new URL(`#${fragment}`, location.href).href;
  if (link.length > MAX_LINK) {
    throw new RangeError(
      `Cannot make a link: it would have ${link.length} characters, of at most ${MAX_LINK}. ` +
        "Choose a smaller side, or save the tokens instead",
    );
  }
  history.replaceState(null, "", link);
  const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
  const note = link.length > LONG_LINK ? ` It has ${link.length} characters, which some programs cut off.` : "";
  session.notify((copied ? "The link is copied." : "The link is in the address bar.") + note);
  announce(copied ? "The link is copied" : "The link is in the address bar");
}

/** What a link of a session holds: the edits where others have the picture, otherwise the tokens. */
function sharedOf({ source, opened, tokens, edits }: Session): Shared {
  if (!source || !opened || !tokens) throw new Error("Cannot make a link: no picture is open");
  if (source.kind === "files") {
    throw new Error("Cannot make a link: the model is files of yours. Choose one of the list or of the Hub");
  }
  const { sample, side } = opened.source ?? {};
  if (sample && side && edits) return { model: source.name, content: { picture: sample, side, edits } };
  const { rows, columns } = opened;
  return { model: source.name, content: { rows, columns, indices: tokens } };
}

function baseName(name: string): string {
  return name.replace(/\.[^.]*$/, "");
}
