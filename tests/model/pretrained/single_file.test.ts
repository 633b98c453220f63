import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ConfigError, type Progress, VQModel, WeightsError } from "../../../mod.ts";
import { preparePlace } from "../../hub/hub_fixture.ts";
import { openFile, openSafetensors, openTorch, type TensorSource } from "../../../hub/mod.ts";
import { bytesOf, floats, pickleOf, push, safetensorsFile, zipFile } from "../../hub/files.ts";
import { loadGolden } from "../../support/golden.ts";
import { withFolder, writeFiles } from "../../support/folders.ts";
import { assertComputes, DEVICE, filesOf, optionsFor, SAFETENSORS } from "./place.ts";

Deno.test("a file of Diffusers' weights alone tells its architecture, if it has the usual 32 groups", async () => {
  const golden = loadGolden("tiny-default");
  await withFolder(async (folder) => {
    const path = join(folder, "weights.safetensors");
    await Deno.copyFile(join(golden.directory, SAFETENSORS), path);
    using model = await VQModel.fromSingleFile(path, DEVICE);
    assertEquals(model.config.family, undefined);
    assertEquals(model.config.block_out_channels, golden.config.block_out_channels);
    await assertComputes(model, golden);

    await Deno.copyFile(join(loadGolden("tiny-legacy").directory, SAFETENSORS), path);
    await assertRejects(() => VQModel.fromSingleFile(path, DEVICE), ConfigError, "norm_num_groups, which is 32");
  });
});

Deno.test("fromSingleFile takes the configuration beside a file, or another one", async () => {
  const golden = loadGolden("tiny-default");
  const file = join(golden.directory, SAFETENSORS);
  using model = await VQModel.fromSingleFile(file, DEVICE);
  await assertComputes(model, golden);
  using other = await VQModel.fromSingleFile(file, { ...DEVICE, config: join(golden.directory, "config.json") });
  await assertComputes(other, golden);
  const wrong = { ...golden.config, latent_channels: 77 };
  await assertRejects(() => VQModel.fromSingleFile(file, { ...DEVICE, config: wrong }), WeightsError, "do not fit");
  await assertRejects(
    () => VQModel.fromSingleFile(file, { ...DEVICE, config: { _class_name: "AutoencoderKL" } }),
    ConfigError,
    "the option config",
  );
});

Deno.test("fromSingleFile loads from the Hub, and opens the same commit again", async () => {
  const golden = loadGolden("tiny-default");
  await using place = await preparePlace(filesOf("tiny-default", { folder: "vqvae/" }));
  const options = optionsFor(place);
  using model = await VQModel.fromSingleFile(`owner/name/vqvae/${SAFETENSORS}`, options);
  await assertComputes(model, golden);
  place.hub.repos["owner/name"].refs.main = "f".repeat(40);
  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    await assertComputes(saved, golden);
  });
});

Deno.test("what is no VQ model is refused, with what was found and what is known", async () => {
  const other = safetensorsFile({ "lm.head": { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, floats(0));
  await withFolder(async (folder) => {
    await writeFiles(folder, { "x.safetensors": other });
    for (
      const load of [() => VQModel.fromPretrained(folder), () => VQModel.fromSingleFile(`${folder}/x.safetensors`)]
    ) {
      await assertRejects(load, WeightsError, "llamagen");
      await assertRejects(load, WeightsError, "found 1 others: lm.head");
    }
  });
});

/** Bytes of the tensor beside the model in a checkpoint; they take no room on the disk. */
const SPARSE = 2 ** 31;

/** Writes a checkpoint of Lightning with these weights, and beside them a tensor of 2 GiB. Returns the weights' size. */
async function writeSparseCheckpoint(path: string, weights: TensorSource): Promise<number> {
  const state: Record<string, Uint8Array> = {};
  const entries: { name: string; data: Uint8Array<ArrayBuffer>; checksum?: number }[] = [];
  const add = (tensor: string, shape: readonly number[], length: number, data: Uint8Array<ArrayBuffer>) => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * side, 1));
    const storage = push.storage("FloatStorage", `${entries.length}`, length);
    state[tensor] = push.tensor(storage, 0, [...shape], strides);
    entries.push({ name: `archive/data/${entries.length}`, data, checksum: data.length > 0 ? undefined : 0 });
  };
  for (const [name, { shape }] of weights.tensors) {
    const values = await weights.read(name);
    add(name, shape, values.length, new Uint8Array(values.buffer));
  }
  const wanted = entries.reduce((sum, { data }) => sum + data.length, 0);
  add("loss.discriminator.weight", [SPARSE / 4], SPARSE / 4, new Uint8Array());
  const hyperparameters = push.call(push.global("argparse", "Namespace"));
  const items = [push.text("callbacks"), hyperparameters, push.text("state_dict"), push.stateDict(state)];
  const pickle = { name: "archive/data.pkl", data: pickleOf(bytesOf("}(", ...items, "u")) };
  const bytes = await zipFile([pickle, ...entries]);

  // The last storage is empty so far: its directory entry gets the size, and the directory moves behind a gap.
  const view = new DataView(bytes.buffer);
  const end = bytes.length - 22;
  const directory = view.getUint32(end + 16, true);
  const last = end - 46 - entries.at(-1)!.name.length;
  for (const at of [last + 20, last + 24]) view.setUint32(at, SPARSE, true);
  view.setUint32(end + 16, directory + SPARSE, true);
  using file = await Deno.open(path, { write: true, create: true });
  await file.write(bytes.subarray(0, directory));
  await file.seek(SPARSE, Deno.SeekMode.Current);
  await file.write(bytes.subarray(directory));
  return wanted;
}

Deno.test("of a training checkpoint of 2 GB only the model is read, and the rest is reported once", async () => {
  const golden = loadGolden("tiny-default");
  await withFolder(async (folder) => {
    const path = join(folder, "last.ckpt");
    const weights = await openSafetensors(await openFile(join(golden.directory, SAFETENSORS)));
    const wanted = await writeSparseCheckpoint(path, weights);
    await weights.close();
    let read = 0;
    const open = async () => {
      const source = await openFile(path);
      const counted: typeof source.read = async (offset, length) => {
        read += length;
        return await source.read(offset, length);
      };
      const weights = await openTorch({ ...source, read: counted });
      return { config: golden.config, configPath: path, weights };
    };
    const ignored: Progress[] = [];
    const onProgress = (event: Progress) => {
      if (event.status === "ignored") ignored.push(event);
    };
    using model = await VQModel.fromFiles(open, { ...DEVICE, onProgress });
    assert(read < wanted + 200_000, `${read} bytes of ${wanted}`);
    assertEquals(ignored.map(({ total, tensors }) => [total, tensors]), [[1, ["loss.discriminator.weight"]]]);
    await assertComputes(model, golden);
  });
});
