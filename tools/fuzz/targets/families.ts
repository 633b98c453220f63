/**
 * Checkpoints of other families: the file, the configuration beside it, and what their names and shapes tell.
 *
 * @module
 */

import { VQModel } from "../../../mod.ts";
import { modelParameters } from "../../../model/architecture/passes.ts";
import { recognize } from "../../../model/checkpoints/mod.ts";
import {
  llamagenShapes,
  magvitShapes,
  maskgitShapes,
  movqganShapes,
  type Size,
  tamingShapes,
} from "../../../tests/model/checkpoints/upstream.ts";
import type { Bytes, Mutate } from "../mutations/bytes.ts";
import { mutateJson } from "../mutations/json.ts";
import { mutatePickle } from "../mutations/pickle.ts";
import { mutateYaml } from "../mutations/yaml.ts";
import { mutateZip } from "../mutations/zip.ts";
import { directoryOf, fixture, once, type Target } from "./target.ts";

/** One for each kind of file, and one for names and shapes. */
export const familyTargets: readonly Target[] = [
  checkpointTarget("ckpt", "taming-f16", ["last.ckpt", "config.yaml"], mutateZip),
  checkpointTarget("pt", "llamagen-legacy", ["vq_ds1.pt"], mutatePickle),
  checkpointTarget("yaml", "taming-f16", ["config.yaml", "last.ckpt"], mutateYaml),
  {
    name: "family/names",
    extension: "json",
    samples: once(namesAndShapes),
    mutate: mutateJson,
    read: readNames,
  },
];

/** The first file of a directory is damaged. */
function checkpointTarget(name: string, folder: string, files: readonly string[], mutate: Mutate): Target {
  const [damaged] = files;
  const bytesOf = (file: string) => fixture(`families/${folder}/${file}`);
  const directory = once(() => directoryOf(Object.fromEntries(files.map((file) => [file, bytesOf(file)]))));
  return {
    name: `family/${name}`,
    extension: damaged.slice(damaged.lastIndexOf(".") + 1),
    samples: once(() => [bytesOf(damaged)]),
    mutate,
    async read(bytes) {
      Deno.writeFileSync(`${directory()}/${damaged}`, bytes);
      using _model = await VQModel.fromPretrained(directory(), { device: "wasm", threads: 1 });
    },
  };
}

/** Of a small model of each family. */
function namesAndShapes(): Bytes[] {
  const size: Size = {
    ...{ in_channels: 3, out_ch: 3, ch: 32, ch_mult: [1, 2], num_res_blocks: 1, attention: [1], middleAttention: true },
    ...{ z_channels: 4, embed_dim: 4, n_embed: 32 },
  };
  const half = { ch_mult: [1, 2], num_res_blocks: [1, 2] };
  const all = [
    ...[tamingShapes(size), movqganShapes(size), llamagenShapes(size), maskgitShapes(size)],
    magvitShapes(size, { encoder: half, decoder: half }),
  ];
  return all.map((shapes) => {
    return new TextEncoder().encode(JSON.stringify({ shapes: Object.fromEntries(shapes), configuration: {} }));
  });
}

/** Shapes are lists of sizes, as the readers of files see to it. */
// deno-lint-ignore require-await -- its errors reject
async function readNames(bytes: Bytes): Promise<void> {
  let parsed: { shapes?: object; configuration?: unknown } | null;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return;
  }
  const isSize = (size: unknown) => Number.isSafeInteger(size) && (size as number) >= 0;
  const shapes = Object.entries(parsed?.shapes ?? {}).filter(([, shape]) => {
    return Array.isArray(shape) && shape.every(isSize);
  });
  const reading = recognize(new Map(shapes), parsed?.configuration);
  if (reading) modelParameters(reading.config);
}
