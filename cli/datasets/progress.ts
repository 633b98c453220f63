// deno-lint-ignore-file no-console
/**
 * Progress of work on a data set.
 *
 * @module
 */

import type { DatasetProgress, EngineUse } from "../../datasets/mod.ts";
import type { Options } from "../options.ts";
import { rewriteLine, WATCHED } from "../terminal.ts";
import { count, plural } from "../text.ts";

/** Milliseconds between two reports: on a terminal, to a file, and in JSON. */
const PERIODS = { terminal: 200, lines: 10_000, json: 1000 } as const;

/** Shows progress until it is stopped. */
export interface ProgressView {
  show(progress: DatasetProgress): void;
  stop(): void;
}

/**
 * Shows progress as the options say: rewriting a line of the terminal; a line every 10 seconds, if standard error is none; or
 * with `--json`, an object every second on standard output.
 */
export function progressView({ json, quiet }: Options): ProgressView {
  let started = 0;
  let last: DatasetProgress;
  let timer: ReturnType<typeof setInterval> | undefined;
  const secondsSoFar = () => (performance.now() - started) / 1000;
  const kind = json ? "json" : WATCHED ? "terminal" : "lines";
  const print = {
    json: (progress: DatasetProgress) =>
      console.log(JSON.stringify({ status: "progress", ...rates(progress, secondsSoFar()) })),
    terminal: (progress: DatasetProgress) => rewriteLine(describe(progress, secondsSoFar())),
    lines: (progress: DatasetProgress) => console.error(describe(progress, secondsSoFar())),
  }[kind];
  let isChosen = false;
  const announce = ({ engines }: DatasetProgress) => {
    if (isChosen || engines?.choice !== "measured" || quiet || json) return;
    isChosen = true;
    if (kind === "terminal") rewriteLine("");
    console.error(describeChoice(engines));
  };
  return {
    show(progress) {
      last = progress;
      announce(progress);
      if (timer !== undefined || quiet && !json) return;
      started = performance.now();
      timer = setInterval(() => print(last), PERIODS[kind]);
    },
    stop() {
      clearInterval(timer);
      if (timer !== undefined && kind === "terminal") rewriteLine("");
    },
  };
}

/** Progress with its rates per second, and the seconds that are left, if known. */
function rates(progress: DatasetProgress, seconds: number) {
  const { pictures, totalPictures, newPictures, newTokens } = progress;
  const picturesPerSecond = newPictures / seconds;
  const isKnown = totalPictures !== undefined && newPictures > 0;
  return {
    ...progress,
    seconds: rounded(seconds),
    picturesPerSecond: rounded(picturesPerSecond),
    tokensPerSecond: rounded(newTokens / seconds),
    secondsLeft: isKnown ? rounded(Math.max(0, totalPictures - pictures) / picturesPerSecond) : undefined,
  };
}

/** Progress as a line of text. */
export function describe(progress: DatasetProgress, seconds: number): string {
  const { pictures, totalPictures, shards, totalShards, failures, engines, batch } = progress;
  const { picturesPerSecond, tokensPerSecond, secondsLeft } = rates(progress, seconds);
  const done = totalPictures === undefined
    ? `${count(pictures)} pictures, ${count(shards)} of ${count(totalShards)} shards`
    : `${count(pictures)} of ${count(totalPictures)} pictures (${percentOf(pictures, totalPictures)}%)`;
  const speed = `${picturesPerSecond.toFixed(1)} pictures/s, ${count(Math.round(tokensPerSecond))} tokens/s`;
  const left = secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`];
  const failed = failures === 0 ? [] : [`${count(failures)} failed`];
  const used = engines ? [describeUse(engines)] : [];
  const batches = batch === undefined ? [] : [batch === 1 ? "one by one" : `batches of ${batch}`];
  return [done, speed, ...left, ...failed, ...used, ...batches].join(", ");
}

/** A part of a total, which damaged files may exceed, since what is in them is not known before. */
function percentOf(part: number, total: number): number {
  return part >= total ? 100 : Math.floor(100 * part / total);
}

/** How the machine is used, and why if nothing was measured. */
export function describeUse({ engines, threads, choice }: EngineUse): string {
  const why = choice === "few pictures" ? " (too few pictures to measure others)" : "";
  return `${describeEngines({ engines, threads })}${choice === "measuring" ? " (measuring others)" : why}`;
}

function describeEngines({ engines, threads }: Pick<EngineUse, "engines" | "threads">): string {
  return `${plural(engines, "engine")} of ${plural(threads, "thread")}`;
}

/** What was measured, as a line of text. */
export function describeChoice({ engines, threads, rates }: EngineUse): string {
  const measured = rates.map((rate) => `${describeEngines(rate)} ${rate.picturesPerSecond.toFixed(2)} pictures/s`);
  return `Chose ${describeEngines({ engines, threads })}. Measured: ${measured.join(", ")}`;
}

/** Seconds as text, such as `3 h 12 min`. */
export function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.ceil(seconds)} s`;
}

function rounded(value: number): number {
  return Math.round(1000 * value) / 1000;
}
