/**
 * Damages instructions of Python's pickles.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { type Bytes, concat, latin1, type Mutate, mutateBytes, numberBytes } from "./bytes.ts";
import { mutateList } from "./lists.ts";

/** Opcodes by the form of their argument. */
const ALONE = "(.012NQRabdelostu)]}\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94\x97\x98";
const FIXED: Readonly<Record<string, number>> = {
  "\x80": 1,
  K: 1,
  M: 2,
  J: 4,
  G: 8,
  h: 1,
  q: 1,
  j: 4,
  r: 4,
  "\x95": 8,
};
const COUNTED: Readonly<Record<string, number>> = {
  ...{ U: 1, C: 1, "\x8a": 1, "\x8c": 1, T: 4, X: 4, B: 4, "\x8b": 4, "\x8d": 8, "\x8e": 8, "\x96": 8 },
};
const LINES: Readonly<Record<string, number>> = { I: 1, L: 1, F: 1, S: 1, V: 1, g: 1, p: 1, P: 1, c: 2, i: 2 };

/** Instructions that make a value grow each time: a tuple of a tuple, twice the same tuple, its copy in a list, a mark. */
const BOMBS = ["\x85", "2\x86", "]2a", "("];

/** Moves, drops, repeats or changes an instruction, or adds one, or a chain of them. */
export const mutatePickle: Mutate = (bytes, random) => {
  const { instructions, rest } = instructionsOf(bytes);
  if (instructions.length === 0) return mutateBytes(bytes, random);
  if (random.chance(0.3)) {
    const added = random.chance(0.8) ? anyInstruction(random) : chain(random);
    return concat([...instructions.toSpliced(random.below(instructions.length), 0, added), rest]);
  }
  return concat([...mutateList(instructions, random, (part) => mutateInstruction(part, random)), rest]);
};

function mutateInstruction(instruction: Bytes, random: Random): Bytes {
  if (random.chance(0.3)) return anyInstruction(random);
  return concat([instruction.subarray(0, 1), mutateBytes(instruction.slice(1), random)]);
}

function anyInstruction(random: Random): Bytes {
  if (random.chance(0.5)) return latin1(random.pick(ALONE));
  const [opcode, size] = random.pick(Object.entries(FIXED));
  return concat([latin1(opcode), numberBytes(size, random)]);
}

function chain(random: Random): Bytes {
  return latin1(random.pick(BOMBS).repeat(random.pick([10, 40, 1000, 100_000])));
}

/** The instructions of the pickles at the beginning, and the bytes after them. */
function instructionsOf(bytes: Bytes): { instructions: Bytes[]; rest: Bytes } {
  const instructions: Bytes[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = lengthAt(bytes, at);
    if (length === undefined || at + length > bytes.length) break;
    instructions.push(bytes.slice(at, at + length));
    at += length;
  }
  return { instructions, rest: bytes.slice(at) };
}

function lengthAt(bytes: Bytes, at: number): number | undefined {
  const opcode = String.fromCharCode(bytes[at]);
  if (ALONE.includes(opcode)) return 1;
  if (opcode in FIXED) return 1 + FIXED[opcode];
  if (opcode in LINES) {
    let end = at;
    for (let lines = 0; lines < LINES[opcode]; lines++) {
      end = bytes.indexOf(10, end + 1);
      if (end < 0) return undefined;
    }
    return end + 1 - at;
  }
  const size = COUNTED[opcode];
  if (size === undefined || at + 1 + size > bytes.length) return undefined;
  const count = bytes.subarray(at + 1, at + 1 + Math.min(size, 4)).reduceRight((sum, byte) => sum * 256 + byte, 0);
  return 1 + size + count;
}
