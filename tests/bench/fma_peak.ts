/** How many fused multiply-adds one thread can do, by a loop that does nothing else. */

const SECTION = { type: 1, function: 3, export: 7, code: 10 };
const V128 = 0x7b, I32 = 0x7f, F32 = 0x7d;

/** GFLOP/s of one thread: with vectors of 128 bits, or of 256 where V8 makes one of two. */
export function measureFmaPeak(): number {
  return Math.max(measure(12, false), measure(24, true));
}

/** `chains` are enough to hide the latency of each, and few enough for the registers: where they are paired, in pairs. */
function measure(chains: number, paired: boolean): number {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(build(chains, paired)));
  const spin = instance.exports.spin as (turns: number) => void;
  const turns = 1_000_000;
  let best = Infinity;
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    spin(turns);
    best = Math.min(best, performance.now() - start);
  }
  return 2 * 4 * chains * turns / best / 1e6;
}

/**
 * `spin(turns)`: per turn, `chains` times `c = relaxed_madd(c, c, c)`. V8 looks for pairs from sums of integers on, so such
 * are made, and dropped.
 */
function build(chains: number, paired: boolean): Uint8Array<ArrayBuffer> {
  const names = Array.from({ length: chains }, (_, i) => i + 1);
  const pairs = names.filter((i) => paired && i % 2).flatMap((i) => [0x20, i, 0x20, i + 1, 0xfd, 0xae, 0x01, 0x1a]);
  const steps = names.flatMap((i) => [
    ...[0x20, i, 0x20, i, 0x20, i], // local.get
    ...[0xfd, 0x85, 0x02], // f32x4.relaxed_madd
    ...[0x21, i], // local.set
  ]);
  const body = [
    ...[1, chains, V128], // locals
    ...[0x03, 0x40, ...steps], // loop
    ...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b], // while (--turns)
    ...names.flatMap((i) => [0x20, i, 0x20, i, 0xfd, 0xe4, 1, 0x21, i]), // c += c: parts of a pair are taken from these
    ...pairs,
    ...names.flatMap((i) => [0x20, i, ...(i > 1 ? [0xfd, 0xe4, 1] : [])]), // sum
    ...[0xfd, 0x1f, 0, 0x0b], // of which one lane is returned, so that nothing is optimized away
  ];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(SECTION.type, [1, 0x60, 1, I32, 1, F32]),
    ...section(SECTION.function, [1, 0]),
    ...section(SECTION.export, [1, 4, ...new TextEncoder().encode("spin"), 0, 0]),
    ...section(SECTION.code, [1, ...length(body), ...body]),
  ]);
}

function section(id: number, contents: number[]): number[] {
  return [id, ...length(contents), ...contents];
}

/** The length as LEB128. */
function length(bytes: number[]): number[] {
  return bytes.length < 128 ? [bytes.length] : [bytes.length & 127 | 128, bytes.length >> 7];
}
