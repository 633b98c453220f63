/// <reference lib="dom" />
/**
 * Numbers: times, memory, quality; and the table of ops.
 *
 * @module
 */

import { countChanges } from "../editing/region.ts";
import type { ProfiledOp } from "../../../mod.ts";
import type { Session } from "../session.ts";
import { create } from "./dom.ts";

/** Names and values of what is known. */
export function reportOf(session: Session): [string, string][] {
  const { model, opened, tokens, decoded, memory } = session;
  const entries: [string, string | undefined][] = [
    ["Engine", model && engineName(model)],
    ["Parameters", model && `${(model.parameters / 1e6).toFixed(1)} M`],
    ["Loading", model && time(model.milliseconds)],
    ["Picture to tokens", opened?.milliseconds && time(opened.milliseconds.tokens)],
    ["Tokens to picture", decoded && `${time(decoded.milliseconds)}${decoded.exact ? "" : ", in part"}`],
    ["Memory", memory === undefined ? undefined : `${(memory / 1e6).toFixed(0)} MB`],
    ["Tokens", opened && `${opened.columns} × ${opened.rows} = ${opened.original.length}`],
    ["Changed", opened && tokens && `${countChanges(opened.original, tokens)}`],
    ["Distinct codes", model && tokens && `${countCodes(tokens, model.codes)} of ${model.codes}`],
    ["Bits per pixel", model && (Math.log2(model.codes) / model.factor ** 2).toFixed(2)],
    ["PSNR", decoded?.psnr === undefined ? undefined : `${decoded.psnr.toFixed(2)} dB`],
  ];
  return entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
}

/** Number of different codes among tokens. */
function countCodes(tokens: Int32Array, codes: number): number {
  const isUsed = new Uint8Array(codes);
  for (let cell = 0; cell < tokens.length; cell++) isUsed[tokens[cell]] = 1;
  return isUsed.reduce((count, used) => count + used, 0);
}

function engineName({ device, threads }: NonNullable<Session["model"]>): string {
  if (device === "webgpu") return "WebGPU";
  return threads === undefined ? "CPU" : `CPU, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}

function time(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** A table of ops, the slowest first. */
export function profileTable(ops: readonly ProfiledOp[]): HTMLElement {
  const total = ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const row = (tag: "th" | "td", cells: readonly string[]) =>
    create("tr", {}, ...cells.map((cell) => create(tag, {}, cell)));
  const body = ops.map(({ op, name, milliseconds, flops }) =>
    row("td", [
      name,
      op,
      milliseconds.toFixed(2),
      `${(100 * milliseconds / total).toFixed(1)} %`,
      flops > 0 && milliseconds > 0 ? (flops / milliseconds / 1e6).toFixed(1) : "",
    ])
  );
  const head = row("th", ["Layer", "Op", `ms of ${total.toFixed(0)}`, "Share", "GFLOP/s"]);
  return create("table", {}, create("thead", {}, head), create("tbody", {}, ...body));
}
