/**
 * Values of calls on their way to a worker and back: tensors, signals, callbacks and profiles, which a structured clone
 * would refuse or change.
 *
 * @module
 */

import { type PixelRange, Pixels, type Shape, Tensor, type TensorData } from "../../kernels/mod.ts";
import { Profile } from "../profile.ts";
import type { CallContext, RemoteCallOptions } from "./rpc.ts";

/** What is sent in the place of such a value. */
type Sent =
  | { readonly sent: "tensor"; readonly data: TensorData; readonly shape: Shape }
  | { readonly sent: "pixels"; readonly bytes: Pixels["bytes"]; readonly shape: Shape; readonly range: PixelRange }
  | { readonly sent: "profile"; readonly device: Profile["device"]; readonly ops: Profile["ops"] }
  | { readonly sent: "kept"; readonly number: number }
  | { readonly sent: "signal" }
  | { readonly sent: "onProgress" };

/**
 * What to send of an argument. Tensors are read, URLs become strings; `signal` and `onProgress` are added to the options of
 * the remote call.
 *
 * @param numberOf the number under which the worker keeps a picture, if it does
 */
export async function packArgument(
  value: unknown,
  call: RemoteCallOptions,
  numberOf: (picture: Tensor) => number | undefined = () => undefined,
): Promise<unknown> {
  return await mapValues(value, (value, name): unknown => {
    if (value instanceof Tensor) {
      const number = name === "previous" ? numberOf(value) : undefined;
      return number === undefined ? packTensor(value) : { sent: "kept", number } satisfies Sent;
    }
    if (value instanceof URL) return value.href;
    if (name === "signal" && value instanceof AbortSignal) {
      call.signal = value;
      return { sent: "signal" } satisfies Sent;
    }
    if (name === "onProgress" && typeof value === "function") {
      call.onProgress = (values) => value(...values as unknown[]);
      return { sent: "onProgress" } satisfies Sent;
    }
    return undefined;
  });
}

/** What to send of a result. Its tensors are read and disposed, unless the worker keeps them. */
export async function packResult(value: unknown, isKept: boolean): Promise<unknown> {
  return await mapValues(value, async (value): Promise<unknown> => {
    if (value instanceof Profile) return { sent: "profile", device: value.device, ops: value.ops } satisfies Sent;
    if (!(value instanceof Tensor)) return undefined;
    const { shape } = value;
    const data = await value.data();
    if (!isKept) value.dispose();
    return { sent: "tensor", data: isKept ? data.slice() : data, shape } satisfies Sent; // what is sent is transferred
  });
}

/**
 * The value that was sent.
 *
 * @param context serves the signals and callbacks of arguments
 * @param kept pictures that this worker keeps
 */
export async function unpack(
  value: unknown,
  context?: CallContext,
  kept?: ReadonlyMap<number, Tensor>,
): Promise<unknown> {
  return await mapValues(value, (value): unknown => {
    const sent = Object(value) as Sent;
    switch (sent.sent) {
      case "tensor":
        return new Tensor(sent.data, sent.shape);
      case "pixels":
        return new Tensor(new Pixels(sent.bytes, sent.shape, sent.range), sent.shape, "float32");
      case "profile":
        return new Profile(sent.device, sent.ops);
      case "kept":
        return kept!.get(sent.number);
      case "signal":
        return context!.signal;
      case "onProgress":
        return (...values: unknown[]) => context!.progress(values);
    }
  });
}

async function packTensor(tensor: Tensor): Promise<Sent> {
  const { shape, storage } = tensor;
  if (storage instanceof Pixels) return { sent: "pixels", bytes: storage.bytes, shape, range: storage.range };
  return { sent: "tensor", data: await tensor.data(), shape };
}

/** A copy of a value with others in the place of those in it for which `change` returns one. */
async function mapValues(
  value: unknown,
  change: (value: unknown, name?: string) => unknown,
  name?: string,
): Promise<unknown> {
  const changed = await change(value, name);
  if (changed !== undefined) return changed;
  if (Array.isArray(value)) {
    const isFlat = value.every((item) => typeof item !== "object"); // nothing to change in indices
    return isFlat ? value : await Promise.all(value.map((item) => mapValues(item, change)));
  }
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(async ([key, item]) => [key, await mapValues(item, change, key)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
