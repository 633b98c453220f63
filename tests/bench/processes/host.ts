/** The state of the machine that measures. */
import { vectorsAreWide } from "../../../kernels/wasm/threads/revectorize.ts";

/** What the numbers of a report depend on. */
export interface Host {
  readonly cpu: string;
  readonly cores: number;
  /** Over the last minute, 5 and 15 minutes, before measuring. */
  readonly loadAverage: readonly number[];
  readonly availableBytes: number;
  readonly deno: string;
  /** Bits of the CPU engine's vectors. */
  readonly vectors: number;
}

/** Describes this machine, as it is now. */
export async function describeHost(): Promise<Host> {
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return {
    cpu: /^model name\s*: (.*)$/m.exec(cpuinfo)?.[1] ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    loadAverage: Deno.loadavg(),
    availableBytes: Deno.systemMemoryInfo().available,
    deno: Deno.version.deno,
    vectors: await vectorsAreWide() ? 256 : 128,
  };
}

/** A line for a report. */
export function hostLine({ cpu, cores, loadAverage, availableBytes, deno, vectors }: Host): string {
  const load = loadAverage.map((value) => value.toFixed(2)).join(" ");
  const memory = (availableBytes / 2 ** 30).toFixed(1);
  return `${cpu}, ${cores} cores, load average ${load}, ${memory} GiB available, Deno ${deno}, vectors of ${vectors} bits`;
}
