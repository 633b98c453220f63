/**
 * Which values share a buffer: those that are never in use at the same time.
 *
 * @module
 */

import type { Steps } from "../../host/steps.ts";
import { PlannedMemory } from "../record/feature_map.ts";
import type { Dispatch } from "../record/recorder.ts";

/** Buffers for planned memory. */
export interface Slots {
  /** Number of the slot. */
  readonly slotOf: ReadonlyMap<PlannedMemory, number>;
  /** The largest memory in each slot, which decides its size. */
  readonly slots: readonly PlannedMemory[];
}

/** The dispatches `[first, last]` that use some memory. */
interface Life {
  readonly memory: PlannedMemory;
  readonly first: number;
  last: number;
}

/**
 * Shares slots among planned memory, each of which lives from the first dispatch that binds it to the last; `apart` has
 * buffers of its own. The largest choose first, so that a slot is as large as it is for one value, not for many.
 */
export function* shareSlots(dispatches: readonly Dispatch[], apart: ReadonlySet<PlannedMemory>): Steps<Slots> {
  const slotOf = new Map<PlannedMemory, number>();
  const slots: PlannedMemory[] = [];
  const occupied: Life[][] = [];
  const lives = livesOf(dispatches).filter(({ memory }) => !apart.has(memory));
  for (const life of lives.sort((a, b) => b.memory.bytes - a.memory.bytes)) {
    let slot = occupied.findIndex((others) => isFree(others, life));
    if (slot < 0) {
      slot = occupied.push([]) - 1;
      slots.push(life.memory);
    }
    occupied[slot].splice(position(occupied[slot], life), 0, life);
    slotOf.set(life.memory, slot);
    yield;
  }
  return { slotOf, slots };
}

function livesOf(dispatches: readonly Dispatch[]): Life[] {
  const lives = new Map<PlannedMemory, Life>();
  dispatches.forEach(({ bindings }, i) => {
    for (const { memory } of bindings) {
      if (!(memory instanceof PlannedMemory)) continue;
      const life = lives.get(memory);
      if (life) life.last = i;
      else lives.set(memory, { memory, first: i, last: i });
    }
  });
  return [...lives.values()];
}

/** Whether a slot is free throughout `life`; its `others` are in the order of time. */
function isFree(others: readonly Life[], life: Life): boolean {
  const at = position(others, life);
  return (at === 0 || others[at - 1].last < life.first) && (at === others.length || others[at].first > life.last);
}

/** How many of `others` begin before `life`. */
function position(others: readonly Life[], life: Life): number {
  let [low, high] = [0, others.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (others[middle].first < life.first) low = middle + 1;
    else high = middle;
  }
  return low;
}
