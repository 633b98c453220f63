/**
 * An interpreter for the instructions of Python's pickles that plain data need. It calls only functions of its host, does
 * not recurse, and stops after a bounded number of steps.
 *
 * @module
 */

import type { ByteCursor } from "./byte_cursor.ts";
import { WeightsError } from "../../errors.ts";
import { showText } from "../../show.ts";

/** A function that a pickle may call. It must not keep `args` or any array in it: the pickle can modify them later. */
export type PickleFunction = (args: readonly unknown[]) => unknown;

/**
 * Stands for a value that is not needed: bytes, a set, or an object of an unknown class. Calling it returns itself, and
 * items added to it are dropped.
 */
export class Opaque {
  /** The name of the class, for messages. */
  readonly name: string;

  constructor(name: string) {
    this.name = showText(name);
  }
}

/** Resolves the references of a pickle. Both methods throw a {@linkcode WeightsError} for what is not allowed. */
export interface PickleHost {
  /** The value of `module.name`. The pickle may call it if it is a {@linkcode PickleFunction} or {@linkcode Opaque}. */
  global(module: string, name: string): unknown;
  /** The object with a persistent id. */
  persistent(id: unknown): unknown;
}

/** Enough for 40,000 tensors: regular files have about thirty instructions per tensor, two of which make objects. */
const MAX_STEPS = 2_000_000;
/** Steps that dictionaries and other objects, and that lists and tuples count as, in proportion to their memory. */
const OBJECT_STEPS = 8;
const LIST_STEPS = 2;
/** All known names are shorter. */
const MAX_GLOBAL_LENGTH = 200;

/** Integers of more bytes are not needed. */
const MAX_NUMBER_LENGTH = 16;

/**
 * Reads a pickle of protocol 2 to 5: dictionaries as `Map`s, tuples and lists as arrays, integers beyond 2^53 as `bigint`s.
 *
 * @param code at the start of the pickle; afterwards, at its end
 * @param name name of the pickle in messages
 * @throws {WeightsError} if it is damaged, or has instructions that plain data do not need
 */
export function unpickle(code: ByteCursor, host: PickleHost, name: string): unknown {
  return new Machine(code, host, name).run();
}

class Machine {
  readonly #code: ByteCursor;
  readonly #host: PickleHost;
  readonly #name: string;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  #steps = 0;

  constructor(code: ByteCursor, host: PickleHost, name: string) {
    this.#code = code;
    this.#host = host;
    this.#name = name;
  }

  run(): unknown {
    for (;;) {
      this.#count(1);
      const opcode = this.#code.u8();
      if (opcode === 0x2e) return this.#pop(); // STOP
      this.#step(opcode);
    }
  }

  /** Counts steps, in proportion to an instruction's time and memory. */
  #count(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw this.#fail(`it takes more than ${MAX_STEPS} steps`);
  }

  #step(opcode: number): void {
    const code = this.#code;
    switch (opcode) {
      case 0x80: // PROTO
        return void code.u8();
      case 0x95: // FRAME
        return void code.u64();
      case 0x28: // MARK
        return void this.#marks.push(this.#stack.length);

      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4b: // BININT1
        return this.#push(code.u8());
      case 0x4d: // BININT2
        return this.#push(code.u16());
      case 0x4a: // BININT
        return this.#push(code.i32());
      case 0x49: // INT: Python 2 used it for integers of more than 32 bits
        return this.#push(Number(code.line()));
      case 0x8a: // LONG1
        return this.#push(wholeNumber(code.take(code.u8())));
      case 0x8b: // LONG4
        return this.#push(wholeNumber(code.take(code.u32())));
      case 0x47: // BINFLOAT
        return this.#push(code.f64BigEndian());
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING
        return this.#push(code.text(code.u32()));
      case 0x8d: // BINUNICODE8
        return this.#push(code.text(code.u64()));
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING
        return this.#push(code.text(code.u8()));

      case 0x43: // SHORT_BINBYTES
        return this.#skip(code.u8());
      case 0x42: // BINBYTES
        return this.#skip(code.u32());
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#skip(code.u64());

      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        return this.#pushList([]);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#pushList(this.#popMany(opcode - 0x84));
      case 0x74: // TUPLE
        return this.#pushList(this.#popToMark());
      case 0x61: // APPEND
        return this.#append(this.#popMany(1));
      case 0x65: // APPENDS
        return this.#append(this.#popToMark());
      case 0x7d: // EMPTY_DICT
        this.#count(OBJECT_STEPS);
        return this.#push(new Map());
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark());

      case 0x8f: // EMPTY_SET
        return this.#push(new Opaque("set"));
      case 0x90: // ADDITEMS
        this.#popToMark();
        return void this.#top();
      case 0x91: // FROZENSET
        this.#popToMark();
        return this.#push(new Opaque("frozenset"));

      case 0x30: // POP
        return void this.#pop();
      case 0x31: // POP_MARK
        return void this.#popToMark();
      case 0x71: // BINPUT
        return void this.#memo.set(code.u8(), this.#top());
      case 0x72: // LONG_BINPUT
        return void this.#memo.set(code.u32(), this.#top());
      case 0x94: // MEMOIZE
        return void this.#memo.set(this.#memo.size, this.#top());
      case 0x68: // BINGET
        return this.#get(code.u8());
      case 0x6a: // LONG_BINGET
        return this.#get(code.u32());

      case 0x63: // GLOBAL
        return this.#push(this.#global(code.line(), code.line()));
      case 0x93: // STACK_GLOBAL
        return this.#push(this.#stackGlobal());
      case 0x51: // BINPERSID
        return this.#push(this.#host.persistent(this.#pop()));
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.#push(this.#call());
      case 0x92: // NEWOBJ_EX
        this.#pop(); // arguments by name
        return this.#push(this.#call());
      case 0x62: // BUILD
        return this.#build();
    }
    throw this.#fail(`it has the instruction 0x${opcode.toString(16).padStart(2, "0")}, which tensors do not need`);
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pushList(items: unknown[]): void {
    this.#count(LIST_STEPS);
    this.#push(items);
  }

  #pop(): unknown {
    return this.#popMany(1)[0];
  }

  #popMany(count: number): unknown[] {
    const start = this.#stack.length - count;
    if (start < (this.#marks.at(-1) ?? 0)) throw this.#fail("it takes more from its stack than it put there");
    return this.#stack.splice(start);
  }

  #popToMark(): unknown[] {
    const start = this.#marks.pop();
    if (start === undefined) throw this.#fail("it takes from its stack up to a mark that it did not set");
    return this.#stack.splice(start);
  }

  #top(): unknown {
    if (this.#stack.length === 0) throw this.#fail("it uses the top of an empty stack");
    return this.#stack.at(-1);
  }

  #get(slot: number): void {
    if (!this.#memo.has(slot)) throw this.#fail(`it uses slot ${slot} of its memo before it is filled`);
    this.#push(this.#memo.get(slot));
  }

  /** Skips bytes: those of tensors are not in the pickle. */
  #skip(length: number): void {
    this.#code.take(length);
    this.#push(new Opaque("bytes"));
  }

  #append(items: unknown[]): void {
    const list = this.#top();
    if (list instanceof Opaque) return;
    if (!Array.isArray(list)) throw this.#fail("it appends to something other than a list");
    for (const item of items) list.push(item);
  }

  #setItems(items: unknown[]): void {
    const dict = this.#top();
    if (dict instanceof Opaque) return;
    if (!(dict instanceof Map)) throw this.#fail("it sets items of something other than a dictionary");
    if (items.length % 2) throw this.#fail("it sets a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  #stackGlobal(): unknown {
    const [module, name] = this.#popMany(2);
    if (typeof module !== "string" || typeof name !== "string") {
      throw this.#fail("it names a global by something other than a string");
    }
    return this.#global(module, name);
  }

  #global(module: string, name: string): unknown {
    const length = module.length + name.length;
    if (length > MAX_GLOBAL_LENGTH) throw this.#fail(`it names a global in ${length} characters`);
    return this.#host.global(module, name);
  }

  #call(): unknown {
    const [callee, args] = this.#popMany(2);
    if (callee instanceof Opaque) return callee;
    if (typeof callee !== "function" || !Array.isArray(args)) {
      throw this.#fail("it calls something other than a function");
    }
    // The function may iterate over a list that many calls share.
    this.#count(OBJECT_STEPS + args.reduce((sum, arg) => sum + (Array.isArray(arg) ? arg.length : 1), 0));
    return (callee as PickleFunction)(args);
  }

  /** Ignores an object's attributes, such as a state dict's `_metadata`. */
  #build(): void {
    this.#pop();
    const object = this.#top();
    if (typeof object !== "object" || object === null || Array.isArray(object)) {
      throw this.#fail("it sets attributes of something other than an object");
    }
  }

  #fail(problem: string): WeightsError {
    return new WeightsError(`Cannot read ${this.#name}: ${problem}. It is damaged, or holds more than tensors`);
  }
}

/** A little-endian integer in two's complement. */
function wholeNumber(bytes: Uint8Array): number | bigint | Opaque {
  if (bytes.length > MAX_NUMBER_LENGTH) return new Opaque("int");
  let value = 0n;
  for (const [place, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * place);
  value = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
