/**
 * Assigns buffers to memory, so that values that are never live at the same time share one.
 *
 * @module
 */

import type { Steps } from "../../host/steps.ts";
import type { DType, PixelRange, Shape } from "../../tensor/storage.ts";
import { PlannedMemory } from "../record/feature_map.ts";
import type { Dispatch } from "../record/recorder.ts";
import { PIECE } from "./readback.ts";

/** Memory of an input or an output. */
export interface Port {
  readonly memory: PlannedMemory;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Set where an input is given as pixels. */
  readonly pixels?: PixelRange;
}

/** What a program is made of. */
export interface Plan {
  readonly dispatches: readonly Dispatch[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Where values are stored in float16: not 0 after a run in which one was out of range. */
  readonly overflow: PlannedMemory | undefined;
}

/** An assignment of planned memory to slots, each of which is a buffer. */
interface Slots {
  /** Index of the slot of some memory. */
  readonly slotOf: ReadonlyMap<PlannedMemory, number>;
  /** The largest memory in each slot, which decides its size. */
  readonly slots: readonly PlannedMemory[];
}

/** A plan and its slots. */
export interface SharedPlan extends Plan, Slots {
  /** Bytes of all buffers, including the dispatches' parameters and the staging buffer of the results. */
  readonly bytes: number;
}

/** Alignment of each dispatch's parameters, in bytes. */
export const UNIFORM_STRIDE = 256;

/** Assigns slots to the memory of a plan. Inputs and outputs have their own buffers. */
export function* shareBuffers(plan: Plan): Steps<SharedPlan> {
  const ports = [...plan.inputs, ...plan.outputs].map(({ memory }) => memory).concat(plan.overflow ?? []);
  const slots = yield* shareSlots(plan.dispatches, new Set(ports));
  const parameters = plan.dispatches.length * UNIFORM_STRIDE;
  const staging = Math.min(PIECE, sumOfBytes(plan.outputs.map(({ memory }) => memory)));
  return { ...plan, ...slots, bytes: sumOfBytes([...slots.slots, ...ports]) + parameters + staging };
}

/** Bytes of several pieces of memory. */
export function sumOfBytes(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The dispatches `[first, last]` that use some memory. */
interface Liveness {
  readonly memory: PlannedMemory;
  readonly first: number;
  last: number;
}

/**
 * Assigns slots to planned memory, which is live from the first dispatch that binds it to the last; `apart` has buffers
 * of its own. The largest choose first, so that few slots have to be large.
 */
function* shareSlots(dispatches: readonly Dispatch[], apart: ReadonlySet<PlannedMemory>): Steps<Slots> {
  const slotOf = new Map<PlannedMemory, number>();
  const slots: PlannedMemory[] = [];
  const occupied: Liveness[][] = [];
  const all = livenessOf(dispatches).filter(({ memory }) => !apart.has(memory));
  for (const live of all.sort((a, b) => b.memory.bytes - a.memory.bytes)) {
    let slot = occupied.findIndex((others) => isFree(others, live));
    if (slot < 0) {
      slot = occupied.push([]) - 1;
      slots.push(live.memory);
    }
    occupied[slot].splice(position(occupied[slot], live), 0, live);
    slotOf.set(live.memory, slot);
    yield;
  }
  return { slotOf, slots };
}

function livenessOf(dispatches: readonly Dispatch[]): Liveness[] {
  const found = new Map<PlannedMemory, Liveness>();
  dispatches.forEach(({ bindings }, i) => {
    for (const { memory } of bindings) {
      if (!(memory instanceof PlannedMemory)) continue;
      const live = found.get(memory);
      if (live) live.last = i;
      else found.set(memory, { memory, first: i, last: i });
    }
  });
  return [...found.values()];
}

/** Whether a slot is free throughout `live`; its `others` are sorted by their first dispatch. */
function isFree(others: readonly Liveness[], live: Liveness): boolean {
  const at = position(others, live);
  return (at === 0 || others[at - 1].last < live.first) && (at === others.length || others[at].first > live.last);
}

/** How many of `others` begin before `live`. */
function position(others: readonly Liveness[], live: Liveness): number {
  let [low, high] = [0, others.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (others[middle].first < live.first) low = middle + 1;
    else high = middle;
  }
  return low;
}
