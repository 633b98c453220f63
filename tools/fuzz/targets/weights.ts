/**
 * Weight files without a model: every tensor of floats is read.
 *
 * @module
 */

import { type ByteSource, openSafetensors, openTorch, sourceOfBytes, type TensorSource } from "../../../hub/mod.ts";
import type { Bytes, Mutate } from "../mutations/bytes.ts";
import { mutatePickle } from "../mutations/pickle.ts";
import { mutateSafetensors } from "../mutations/safetensors.ts";
import { mutateZip } from "../mutations/zip.ts";
import { fixture, fixtures, once, type Target } from "./target.ts";

/** One for each kind of file. */
export const weightTargets: readonly Target[] = [
  weightTarget("safetensors", fixtures(".safetensors", "tokens"), mutateSafetensors, openSafetensors),
  weightTarget("zip", once(() => [fixture("torch/zip.bin")]), mutateZip, openTorch),
  weightTarget("legacy", () => legacyFiles(), mutatePickle, openTorch),
];

const legacyFiles = once(() =>
  ["protocol2", "protocol4", "state-dict"].map((kind) => fixture(`torch/legacy-${kind}.bin`))
);

function weightTarget(
  kind: string,
  samples: () => readonly Bytes[],
  mutate: Mutate,
  open: (source: ByteSource) => Promise<TensorSource>,
): Target {
  return {
    ...{ name: `weights/${kind}`, extension: kind === "safetensors" ? kind : "bin", samples, mutate },
    async read(bytes) {
      const weights = await open(sourceOfBytes(bytes, "the weights"));
      try {
        const floats = [...weights.tensors].filter(([, { dtype }]) => !/^(I|U|BOOL)/.test(dtype));
        for (const [name] of floats) await weights.read(name);
      } finally {
        await weights.close();
      }
    },
  };
}
