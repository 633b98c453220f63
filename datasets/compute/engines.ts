/**
 * Which models compute a data set: those that are passed, or those that the first pictures of a long run show to be fastest.
 *
 * @module
 */

import type { VQModel } from "../../mod.ts";
import type { EngineRate, EngineUse } from "../types.ts";

/** Pictures that each set computes while it is measured; more if it has many models. */
const TURN_PICTURES = 16;

/** How often each set is measured, in turns with the others. The best time counts: other programs may disturb one. */
const ROUNDS = 2;

/** Turns of each set before that. V8 compiles better code while a model computes its first pictures, up to three times slower. */
const WARM_UPS = 1;

/** A run is long if so many times the pictures of all measurements are left, or were computed. */
const LONG = 3;

/** What part of the time another set than the first has to save. */
const GAIN = 0.02;

/** A model, here or in a worker. */
export type EngineModel = Pick<VQModel, "tokenize" | "detokenize">;

/** A set of models that compute at the same time, all of the same files. */
export interface EngineSet {
  /** Number of models. */
  readonly engines: number;
  /** Number of threads of each. */
  readonly threads: number;
  /** Loads the models. */
  load(): Promise<readonly EngineModel[]>;
  /** Frees what `load` loaded: other models are faster. */
  dispose(): void;
}

/** The models that compute data sets. Made by {@linkcode chooseEngines}. */
export interface Engines {
  /** The model that says what all have in common. */
  readonly model: VQModel;
  /** Most models that may compute at the same time. */
  readonly maxEngines: number;
  /** How the machine is used. */
  readonly use: EngineUse;
  /**
   * Starts to hand out models.
   *
   * @param left says how many pictures are left, if known
   */
  open(left: () => number | undefined): OpenEngines;
}

/** Models that are handed out, one batch at a time. */
export interface OpenEngines {
  /** Number of threads of those that compute now. */
  readonly threads: number;
  /** Whether a model may compute now. */
  isFree(): boolean;
  /** Takes a free model for a batch of `pictures`. */
  take(pictures: number): EngineModel;
  /**
   * Gives it back.
   *
   * @param isSettled whether the size of batches is chosen
   */
  give(model: EngineModel, pictures: number, isSettled: boolean): void;
}

/** Models that are loaded, and the least milliseconds per picture that they took. */
interface Candidate extends Omit<EngineSet, "load"> {
  readonly models: readonly EngineModel[];
  least: number;
}

/** Pictures that the models of a candidate compute, while no others do. */
interface Turn {
  readonly candidate: Candidate;
  /** Whether the time counts. */
  readonly isMeasured: boolean;
  readonly pictures: number;
  /** Pictures that were handed out. */
  taken: number;
  /** When the first ones were handed out, and when the last ones were done. */
  begin: number;
  end: number;
}

/** The engines that a caller passed: a model, or several, which all compute at the same time; or a choice. */
export function enginesFor(model: VQModel | readonly VQModel[] | Engines): Engines {
  if (Array.isArray(model)) return enginesOf(model, []);
  return "open" in model ? model : enginesOf([model as VQModel], []);
}

/**
 * Finds out what is fastest on this machine: one model with all threads, or one of some sets of models. The first pictures of a
 * long run are computed by each in turn. The results do not depend on it. What was found is kept for later runs.
 *
 * @param model with all threads; it computes until a run turns out to be long, and remains the caller's
 * @param sets loaded then; one that cannot be loaded is left out
 */
export function chooseEngines(model: VQModel, sets: readonly EngineSet[]): Engines {
  return enginesOf([model], sets);
}

function enginesOf(models: readonly VQModel[], sets: readonly EngineSet[]): Engines {
  const [model] = models;
  const first: Candidate = { engines: models.length, threads: model.threads, models, least: Infinity, dispose() {} };
  let used = first;
  let choice: EngineUse["choice"] = sets.length === 0 ? "no alternative" : "few pictures";
  let rates: readonly EngineRate[] = [];
  /** What is to be measured, once it is loaded and until it was. */
  let candidates: readonly Candidate[] | undefined;
  /** The turn that is measured, and those to come. */
  let turns: Turn[] = [];
  /** Pictures computed by all runs. */
  let computed = 0;
  const maxEngines = Math.max(...[first, ...sets].map(({ engines }) => engines));
  const turnPictures = Math.max(TURN_PICTURES, 2 * maxEngines);

  /** Whether measuring pays: many pictures are left, or were computed by this run and others that may go on. */
  function isLong(left = computed): boolean {
    const many = LONG * (WARM_UPS + ROUNDS) * turnPictures * (1 + sets.length);
    return left >= many || computed >= many && left >= turnPictures;
  }

  async function load(): Promise<void> {
    choice = "measuring";
    const loaded = await Promise.all(sets.map(async (set): Promise<Candidate[]> => {
      const models = await set.load().catch(() => void set.dispose());
      return models ? [{ ...set, models, least: Infinity }] : [];
    }));
    if (loaded.flat().length > 0) candidates = [first, ...loaded.flat()];
    else choice = "no alternative";
  }

  function choose(candidates: readonly Candidate[]): Candidate {
    const best = candidates.reduce((best, other) => other.least < best.least * (1 - GAIN) ? other : best);
    for (const candidate of candidates) if (candidate !== best) candidate.dispose();
    rates = candidates.map(({ engines, threads, least }) => {
      return { engines, threads, picturesPerSecond: Math.round(1e6 / least) / 1000 };
    });
    choice = "measured";
    return best;
  }

  return {
    model,
    maxEngines,
    get use() {
      return { engines: used.engines, threads: used.threads, choice, rates };
    },
    open(left) {
      let idle = [...(turns[0]?.candidate ?? used).models];
      let running = 0;
      const [turn] = turns;
      if (turn && turn.taken < turn.pictures) turn.taken = 0; // the run before ended in it

      /** Goes on to the next turn, when no model computes. */
      function advance(): void {
        const done = turns.shift();
        if (done?.isMeasured) {
          done.candidate.least = Math.min(done.candidate.least, (done.end - done.begin) / done.taken);
        }
        if (!done) turns = turnsOf(candidates!, turnPictures);
        else if (turns.length === 0) {
          used = choose(candidates!);
          candidates = undefined;
        }
        idle = [...(turns[0]?.candidate ?? used).models];
      }

      return {
        get threads() {
          return (turns[0]?.candidate ?? used).threads;
        },
        isFree() {
          const isOver = turns.length > 0 ? turns[0].taken >= turns[0].pictures : candidates !== undefined;
          if (isOver && running > 0) return false;
          if (isOver) advance();
          return idle.length > 0;
        },
        take(pictures) {
          running++;
          if (turns.length > 0) {
            if (turns[0].taken === 0) turns[0].begin = performance.now();
            turns[0].taken += pictures;
          }
          return idle.shift()!;
        },
        give(model, pictures, isSettled) {
          running--;
          idle.push(model);
          computed += pictures;
          if (turns.length > 0) turns[0].end = performance.now();
          else if (isSettled && choice === "few pictures" && isLong(left())) load();
        },
      };
    },
  };
}

/** Each candidate's turns, one after the other's. */
function turnsOf(candidates: readonly Candidate[], pictures: number): Turn[] {
  return Array.from({ length: WARM_UPS + ROUNDS }, (_, round) =>
    candidates.map((candidate): Turn => {
      return { candidate, isMeasured: round >= WARM_UPS, pictures, taken: 0, begin: 0, end: 0 };
    })).flat();
}
