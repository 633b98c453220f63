/**
 * Compiles WGSL to pipelines. The source is the only description of a shader's interface: its bindings and the fields of
 * its `struct Params` are parsed from it, and launchers refer to them by name.
 *
 * @module
 */

import { within } from "../../host/deadline.ts";
import { DeviceError } from "../../errors.ts";

/** How long to wait for one pipeline. Most compilers take less than a second, slow ones several; a few hang. */
const COMPILE_MS = 60_000;

/** A shader and the values of its `override` constants. The entry point is `main`. */
export interface Kernel {
  /** Names the kernel and its variant in errors; see {@linkcode labelOf}. */
  readonly label: string;
  /** WGSL. Binding 0 is `var<uniform> p: Params`; the others are storage buffers, bound by name. */
  readonly source: string;
  readonly constants?: Readonly<Record<string, number>>;
}

/** The label of a variant of a kernel: its name with the options that it was made for, as in `conv (residual)`. */
export function labelOf(name: string, ...options: readonly (string | false | undefined)[]): string {
  const given = options.filter((option) => option);
  return given.length > 0 ? `${name} (${given.join(", ")})` : name;
}

/** The interface that a kernel's source declares. */
export interface Interface {
  /** Fields of `struct Params`, in order, four bytes each. */
  readonly params: readonly { readonly name: string; readonly type: "u32" | "f32" }[];
  /** Storage buffers of the bindings 1, 2, …. */
  readonly buffers: readonly { readonly name: string; readonly writable: boolean }[];
}

/** A pipeline with its interface. */
export interface Pipeline {
  readonly kernel: Kernel;
  readonly interface: Interface;
  readonly layout: GPUBindGroupLayout;
  /** Compiles it, once. Recording a graph does not compile, as it may be recorded only to measure its memory. */
  compile(): Promise<GPUComputePipeline>;
}

/** Compiles each distinct kernel once. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #compileMs: number;
  /** By source, then by constants. */
  readonly #pipelines = new Map<string, Map<string, Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  /** `compileMs` is how long to wait for one pipeline, in milliseconds. */
  constructor(device: GPUDevice, compileMs = COMPILE_MS) {
    this.#device = device;
    this.#compileMs = compileMs;
  }

  /** The pipeline of a kernel. Its cache key is the source with the constants, so nothing can be missing from it. */
  get(kernel: Kernel): Pipeline {
    const constants = JSON.stringify(kernel.constants);
    let variants = this.#pipelines.get(kernel.source);
    if (!variants) this.#pipelines.set(kernel.source, variants = new Map());
    let pipeline = variants.get(constants);
    if (!pipeline) variants.set(constants, pipeline = this.#create(kernel));
    return pipeline;
  }

  #create(kernel: Kernel): Pipeline {
    const parsed = parseInterface(kernel.source);
    const layout = this.#layout(parsed);
    let compiled: Promise<GPUComputePipeline> | undefined;
    const compile = () => {
      compiled ??= this.#compile(kernel, layout);
      compiled.catch(() => compiled = undefined); // so that it can be retried
      return compiled;
    };
    return { kernel, interface: parsed, layout, compile };
  }

  async #compile({ label, source, constants }: Kernel, layout: GPUBindGroupLayout): Promise<GPUComputePipeline> {
    this.#device.pushErrorScope("validation");
    const late = () =>
      new DeviceError(
        `Cannot compile ${label} on this device: its compiler took longer than ${this.#compileMs / 1000} seconds. ` +
          'Use device: "wasm"',
      );
    const module = this.#device.createShaderModule({ label, code: source });
    const error = await this.#device.popErrorScope();
    if (error) throw new DeviceError(`Cannot compile ${label} on this device: ${error.message}`);
    try {
      const pipeline = this.#device.createComputePipelineAsync({
        label,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main", constants },
      });
      return await within({ milliseconds: this.#compileMs, late }, pipeline);
    } catch (cause) {
      if (cause instanceof DeviceError) throw cause;
      throw new DeviceError(`Cannot compile ${label} on this device: ${cause}`, { cause });
    }
  }

  #layout({ buffers }: Interface): GPUBindGroupLayout {
    const types = buffers.map(({ writable }): GPUBufferBindingType => writable ? "storage" : "read-only-storage");
    const key = types.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({
        entries: (["uniform", ...types] as GPUBufferBindingType[]).map((type, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

/** Parses the interface of a source; throws if that breaks the conventions of {@linkcode Kernel}. */
export function parseInterface(source: string): Interface {
  const struct = source.match(/struct Params\s*\{([^}]*)\}/)?.[1] ?? "";
  const params = [...struct.matchAll(/(\w+)\s*:\s*(u32|f32)/g)].map(([, name, type]) => ({
    name,
    type: type as "u32" | "f32",
  }));
  const declared = [...source.matchAll(/@binding\((\d+)\)\s*var<storage, (read|read_write)>\s*(\w+)/g)];
  const buffers = declared.map(([, binding, access, name], i) => {
    if (Number(binding) !== i + 1) {
      throw new Error(`Shader binding ${name}: expected number ${i + 1}, found ${binding}`);
    }
    return { name, writable: access === "read_write" };
  });
  return { params, buffers };
}

/** Packs the values of `struct Params` in the order of their declaration. */
export function packParams({ params }: Interface, values: Readonly<Record<string, number>>): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(params.length);
  const floats = new Float32Array(words.buffer);
  params.forEach(({ name, type }, i) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Shader parameter ${name} has no value`);
    if (type === "f32") floats[i] = value;
    else words[i] = value;
  });
  return words;
}
