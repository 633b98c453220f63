/** The two engines with a model from files, as a program of each engine's users loads it. */
import type { ModelHalf } from "../../../mod.ts";
import type { StoredModel } from "./stored_models.ts";

/** The contenders. */
export const ENGINES = ["this engine", "onnxruntime-node"] as const;
export type EngineName = (typeof ENGINES)[number];

/** What the halves of a model do. */
export const HALVES = { encoder: "encode", decoder: "decode" } as const;

type Run = (data: Float32Array<ArrayBuffer>, shape: readonly number[]) => Promise<Float32Array>;

/** A model that is loaded, or one half of it. */
export interface Loaded {
  readonly encode: Run;
  /** Of latents. This engine also quantizes them, as upstream's method does. */
  readonly decode: Run;
  /** The same model for another batch: ONNX Runtime has a file for each. */
  forBatch(stored: StoredModel): Promise<Loaded>;
  /** Bytes that the engine holds for weights, for each byte of the float32 parameters; null if it does not tell. */
  weightsHeld(): number | null;
}

/** Imports an engine, which it returns ready to load a model. */
export async function importEngine(
  name: EngineName,
  threads: number,
): Promise<(model: StoredModel, only?: ModelHalf) => Promise<Loaded>> {
  return name === "this engine" ? await importOurs(threads) : await importOnnxRuntime(threads);
}

async function importOurs(threads: number) {
  const { Tensor, VQModel } = await import("../../../mod.ts");
  return async ({ directory }: StoredModel, only?: ModelHalf): Promise<Loaded> => {
    const model = await VQModel.fromPretrained(directory, { device: "wasm", threads, only });
    const take = async (tensor: InstanceType<typeof Tensor>) => {
      using result = tensor;
      return await result.data() as Float32Array;
    };
    const loaded: Loaded = {
      encode: async (data, shape) => await take((await model.encode(new Tensor(data, shape))).latents),
      async decode(data, shape) {
        const { sample, commitLoss } = await model.decode(new Tensor(data, shape));
        commitLoss.dispose();
        return await take(sample);
      },
      forBatch: () => Promise.resolve(loaded),
      weightsHeld: () => model.memory().weights / (4 * model.numParameters()),
    };
    return loaded;
  };
}

async function importOnnxRuntime(threads: number) {
  const node = await import("npm:onnxruntime-node@1.30.0");
  const { InferenceSession, Tensor } = node.default ?? node;
  const options = { logSeverityLevel: 3, intraOpNumThreads: threads, executionProviders: ["cpu"] } as const;
  return async function load(model: StoredModel, only?: ModelHalf): Promise<Loaded> {
    const open = async (half: ModelHalf): Promise<Run> => {
      if (only && only !== half) return () => Promise.reject(new Error(`The ${half} is not loaded`));
      const session = await InferenceSession.create(model[HALVES[half]].onnx, options);
      return async (data, shape) => {
        const { y0 } = await session.run({ x0: new Tensor("float32", data, shape) }, ["y0"]);
        return y0.data as Float32Array;
      };
    };
    return {
      encode: await open("encoder"),
      decode: await open("decoder"),
      forBatch: (stored) => load(stored),
      weightsHeld: () => null,
    };
  };
}
