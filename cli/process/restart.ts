/**
 * Starting again with 256-bit vectors, which V8 offers only behind a flag that must be set when a process starts.
 *
 * @module
 */

import { IS_DENO } from "./permissions.ts";

/**
 * V8's flags: for 256-bit vectors, with which the CPU engine is 1.2 to 1.6 times as fast, and for optimized code from the first
 * call on, which otherwise takes a quarter longer.
 */
const FLAGS = "--experimental-wasm-revectorize,--no-liftoff";
/** The variable from which Deno passes flags to V8. */
const VARIABLE = "DENO_V8_FLAGS=";

/** Without all of them, Deno does not let a process read how it was started. */
const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

/** Device files of GPUs. */
const GPUS = ["/dev/dri/renderD128", "/dev/nvidia0", "/dev/dxg"];

/** Models in smaller files compute a picture sooner than another process starts. */
const WORTHWHILE_BYTES = 32 * 2 ** 20;

/** How a process is started. Each argument and each variable ends with a zero; characters stand for bytes. */
interface Launch {
  readonly args: string;
  readonly environment: string;
}

/**
 * Replaces this process by one with 256-bit vectors, if the CPU engine will compute long and does not have them. Returns
 * otherwise, and where that is not possible: only on Linux and with all permissions can a process read how it was started.
 *
 * The new process has the same id, arguments, environment, input and output. A child process would need all signals passed
 * on, and would outlive this one if that is killed.
 *
 * @param operands of the command: the model and its inputs, if it has them
 * @param device the option `--device`
 */
export async function restartWithWideVectors(operands: readonly string[], device = "auto"): Promise<void> {
  const launch = readLaunch();
  if (!launch || namesVectors(launch) || !hasAvx2() || await isShort(operands)) return;
  if (device === "webgpu" || device === "auto" && await hasGpu()) return;
  if (await v8KnowsFlags()) execute(Deno.execPath(), { ...launch, environment: withFlags(launch.environment) });
}

/** The width of the CPU engine's vectors in commands that compute with a model. */
export async function describeVectors(model: string): Promise<string> {
  if (!IS_DENO || Deno.build.arch !== "x86_64") return "128-bit vectors";
  const launch = readLaunch();
  if (launch && !hasAvx2()) return "128-bit vectors";
  if (launch && namesVectors(launch)) return "256-bit vectors";
  if (!launch || await isSmall(model)) return `256-bit vectors if started with ${VARIABLE}${FLAGS}`;
  return `256-bit vectors: commands that compute start again with ${FLAGS}`;
}

/** How this process was started, if that is known; never prompts for a permission. */
function readLaunch(): Launch | undefined {
  if (!IS_DENO) return;
  const { os, arch, standalone } = Deno.build;
  if (os !== "linux" || arch !== "x86_64" || standalone || !PERMISSIONS.every(isGranted)) return;
  return { args: readBytes("/proc/self/cmdline"), environment: readBytes("/proc/self/environ") };
}

function isGranted(name: (typeof PERMISSIONS)[number]): boolean {
  const { state, partial } = Deno.permissions.querySync({ name });
  return state === "granted" && !partial;
}

/** The bytes of a file as characters: arguments need not be UTF-8. */
function readBytes(path: string): string {
  return Array.from(Deno.readFileSync(path), (byte) => String.fromCharCode(byte)).join("");
}

/** Whether 256-bit vectors are asked for, or ruled out. */
function namesVectors({ args, environment }: Launch): boolean {
  const flags = environment.split("\0").filter((entry) => entry.startsWith(VARIABLE));
  return /wasm[-_]revectorize/.test(args + flags);
}

function hasAvx2(): boolean {
  return /\bavx2\b/.test(readStart("/proc/cpuinfo"));
}

/** The start of a file: there may be hundreds of processors. */
function readStart(path: string): string {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(4096);
  return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
}

/** Whether a command takes too short to gain from another start: one file and a small model. */
async function isShort([model, ...inputs]: readonly string[]): Promise<boolean> {
  const isFile = async (path: string) =>
    path === "-" || await Deno.stat(path).then((found) => found.isFile, () => false);
  if (model === undefined || inputs.length > 1 || inputs.length === 1 && !await isFile(inputs[0])) return false;
  return await isSmall(model);
}

/** Whether a model is known to be small: one on the Hub is not. */
async function isSmall(model: string): Promise<boolean> {
  const place = await Deno.stat(model).catch(() => undefined);
  if (!place) return false;
  if (place.isFile) return place.size < WORTHWHILE_BYTES;
  const files = Array.from(Deno.readDirSync(model), ({ name }) => name);
  const weights = files.filter((name) => /\.(safetensors|bin|ckpt|pth?)$/.test(name)).map((name) => `${model}/${name}`);
  const bytes = weights.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
  return bytes > 0 && bytes < WORTHWHILE_BYTES; // a pipeline's are in folders of it
}

async function hasGpu(): Promise<boolean> {
  const found = await Promise.all(GPUS.map((path) => Deno.stat(path).catch(() => undefined)));
  if (!found.some(Boolean)) return false;
  const adapter = await navigator.gpu?.requestAdapter();
  return adapter ? !adapter.info.isFallbackAdapter : false;
}

/** Asked of another process, since one that starts with an unknown flag ends. */
async function v8KnowsFlags(): Promise<boolean> {
  const args = ["eval", `--v8-flags=${FLAGS}`, ""];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).output();
  return success;
}

function withFlags(environment: string): string {
  const entries = environment.split("\0").slice(0, -1);
  const given = entries.find((entry) => entry.startsWith(VARIABLE));
  const flags = given ? `${given},${FLAGS}` : VARIABLE + FLAGS;
  return [...entries.filter((entry) => entry !== given), flags, ""].join("\0");
}

/** POSIX's `execve`: returns only if it fails. */
function execute(program: string, { args, environment }: Launch): void {
  const libc = openLibc();
  if (!libc) return;
  const [argv, envp] = [args, environment].map(toBytes);
  libc.symbols.execve(new TextEncoder().encode(`${program}\0`), pointersInto(argv), pointersInto(envp));
  libc.close();
}

/** The C library of GNU; `undefined` where there is another. */
function openLibc() {
  try {
    return Deno.dlopen("libc.so.6", { execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" } });
  } catch {
    return undefined;
  }
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Pointers to the strings in a block of memory, each of which ends with a zero; a null pointer at the end. */
function pointersInto({ buffer }: Uint8Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  const bytes = new Uint8Array(buffer);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  const starts = [...bytes.keys()].filter((at) => at === 0 || bytes[at - 1] === 0);
  return BigUint64Array.from([...starts.map((start) => address + BigInt(start)), 0n]);
}
