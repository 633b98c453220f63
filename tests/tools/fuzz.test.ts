/** The fuzzer, and a minute of it: see `deno task fuzz --help`. */
import { crc32 } from "node:zlib";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { unzipSync } from "fflate";
import { ConfigError } from "../../mod.ts";
import { makeCase } from "../../tools/fuzz/cases.ts";
import type { Bytes } from "../../tools/fuzz/mutations/bytes.ts";
import { mutatePng } from "../../tools/fuzz/mutations/png.ts";
import { mutateSafetensors } from "../../tools/fuzz/mutations/safetensors.ts";
import { mutateZip } from "../../tools/fuzz/mutations/zip.ts";
import { faultOf } from "../../tools/fuzz/outcome.ts";
import { randomOf } from "../../tools/fuzz/random.ts";
import { runCases } from "../../tools/fuzz/run.ts";
import { Tally } from "../../tools/fuzz/tally.ts";
import { TARGETS } from "../../tools/fuzz/targets.ts";
import { fixture } from "../support/paths.ts";

const SEED = 1;
/** Of each reader; together they take one core for 30 s. */
const ROUNDS = 60;

Deno.test("every reader reads or refuses what a seeded fuzzer gives it", async () => {
  const tally = new Tally();
  for await (const ran of runCases(SEED, Array(ROUNDS * TARGETS.length).keys())) tally.add(ran);
  assertEquals([...tally.faults.values()].map(({ first }) => first), []);
  assertEquals([...tally.counts.keys()], TARGETS.map(({ name }) => name));
  for (const [name, { refused }] of tally.counts) assert(refused > 0, `${name} refuses nothing`);
  const readers = [...tally.counts.values()].filter(({ read }) => read > 0);
  assert(readers.length > TARGETS.length / 2, "most readers read some of it");
});

Deno.test("the same seed makes the same cases, another one others", () => {
  const inputs = (seed: number) => TARGETS.map((_, number) => makeCase(seed, number).bytes);
  assert(inputs(1).toString() === inputs(1).toString());
  assert(inputs(1).toString() !== inputs(2).toString());
});

Deno.test("a case that hangs or crashes is a fault, and the next one runs", async () => {
  const worker = new URL("hanging_worker.ts", import.meta.url);
  const ran = await Array.fromAsync(runCases(SEED, [0, 1, 2, 3], { worker, deadline: 3000 }));
  assertEquals(ran.map(({ outcome }) => outcome), ["read", "fault", "fault", "read"]);
  assertEquals(ran[1].reason, "hang: more than 3 s");
  assertMatch(ran[2].reason!, /^crash: .*broken/s);
});

Deno.test("damage to a structure leaves its lengths and checksums right", () => {
  for (let number = 0; number < 200; number++) {
    const random = randomOf(SEED, number);
    checkPng(mutatePng(Deno.readFileSync(fixture("pictures/golden/odd-iend-bad-crc.png")), random));
    unzipSync(mutateZip(Deno.readFileSync(fixture("tokens/named.npz")), random));
    const file = mutateSafetensors(Deno.readFileSync(fixture("tokens/named.safetensors")), random);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    assert(8 + length <= file.length);
  }
});

Deno.test("an error is a refusal only if it is a documented one that says what a person can read", () => {
  assertEquals(faultOf(new TypeError("Cannot decode picture: it has no pixels")), undefined);
  assertEquals(faultOf(new ConfigError("Cannot use the configuration: act_fn is 3")), undefined);
  assertMatch(faultOf(new SyntaxError("no"))!, /^SyntaxError/);
  assertMatch(faultOf("a text")!, /^not an error/);
  assertMatch(faultOf(new RangeError("x".repeat(3000)))!, /3000 characters/);
  assertMatch(faultOf(new TypeError("an entry \x1b[31m"))!, /^control characters/);
  for (const cause of [() => new Array(-1), () => new Uint8Array(-1), () => Object(undefined).a.b, () => BigInt(0.5)]) {
    assertMatch(faultOf(thrownBy(cause))!, /^raw/);
  }
});

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
}

function checkPng(bytes: Bytes): void {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at < bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    assertEquals(view.getUint32(end), crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
}
