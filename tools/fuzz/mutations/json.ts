/**
 * Damages values of JSON, so that it stays JSON, and sometimes its text.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { type Mutate, NUMBERS } from "./bytes.ts";
import { mutateText, NASTY } from "./text.ts";

/** A place in a tree: `container[key]`. */
interface Slot {
  readonly container: Record<string, unknown>;
  readonly key: string;
}

/** The most entries that a list or a text is extended to. */
const MOST_ENTRIES = 20_000;

/** Longer texts, the result of earlier changes, would take long to search. */
const LARGEST_TREE = 200_000;

/** The same for the bytes of a file. */
export const mutateJson: Mutate = (bytes, random) =>
  new TextEncoder().encode(mutateJsonText(new TextDecoder().decode(bytes), random));

/** Changes a value in the tree. What is not JSON is changed as text. */
export function mutateJsonText(text: string, random: Random): string {
  if (text.length > LARGEST_TREE || random.chance(0.15)) return mutateText(text, random);
  try {
    const root = { "": JSON.parse(text) };
    mutateSlot(random.pick(slotsOf(root)), random);
    return nested(JSON.stringify(root[""]) ?? "", random);
  } catch {
    return mutateText(text, random); // damaged by an earlier change, or too deep
  }
}

/** Every place in a tree, of any depth. */
function slotsOf(root: Record<string, unknown>): Slot[] {
  const slots: Slot[] = [];
  const containers = [root];
  for (let container = containers.pop(); container; container = containers.pop()) {
    for (const key of Object.keys(container)) {
      slots.push({ container, key });
      const value = container[key];
      if (typeof value === "object" && value !== null) containers.push(value as Record<string, unknown>);
    }
  }
  return slots;
}

function mutateSlot({ container, key }: Slot, random: Random): void {
  const value = container[key];
  switch (random.below(6)) {
    case 0:
      delete container[key];
      break;
    case 1:
      if (!Array.isArray(container)) container[random.pick(NASTY)] = value;
      else container.splice(Number(key), 0, ...copies(value, random.pick([1, 10, MOST_ENTRIES])));
      break;
    case 2: {
      const other = random.pick(Object.keys(container));
      [container[key], container[other]] = [container[other], value];
      break;
    }
    case 3:
      container[key] = typeof value === "string" ? mutateText(value, random) : [value];
      break;
    default:
      container[key] = anyValue(random);
  }
}

/** Copies of a value: `count`, or fewer if the text would be too long. */
function copies(value: unknown, count: number): unknown[] {
  const length = JSON.stringify(value)?.length ?? 1;
  return Array(Math.min(count, Math.ceil(LARGEST_TREE / length))).fill(value);
}

function anyValue(random: Random): unknown {
  const number = random.pick(NUMBERS) * random.pick([1, 1, 1, -1, 0.5, 1e300]);
  const values = [null, true, false, number, number, `${number}`, random.pick(NASTY), [], {}, [[number]], {
    "": number,
  }];
  return random.pick([...values, { length: 1e9 }, Array(MOST_ENTRIES).fill(number), [number, number, number, number]]);
}

/** Sometimes turns a number into nested lists. */
function nested(text: string, random: Random): string {
  if (!random.chance(0.05)) return text;
  const depth = random.pick([100, 10_000, 100_000]);
  return text.replace(/\d+/, "[".repeat(depth) + "]".repeat(depth));
}
