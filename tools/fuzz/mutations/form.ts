/**
 * Damages parts of form bodies.
 *
 * @module
 */

import { latin1, type Mutate, textOf } from "./bytes.ts";
import { mutateList } from "./lists.ts";
import { mutateText } from "./text.ts";

/** Moves, drops, repeats or changes a part, or its headers, or the separators. */
export const mutateForm: Mutate = (bytes, random) => {
  const text = textOf(bytes);
  const boundary = /^--[^\r\n]*/.exec(text)?.[0] ?? "--";
  const parts = mutateList(text.split(boundary), random, (part) => {
    const end = part.indexOf("\r\n\r\n");
    return mutateText(part.slice(0, end), random) + part.slice(end);
  });
  return latin1(parts.join(boundary));
};
