/** Models in lists of files, such as those that a person drops on a page. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openAsBlob } from "node:fs";
import { join } from "@std/path";
import { type GivenFile, HubError, type ModelChoice, openGivenFiles, WeightsError } from "../../../hub/mod.ts";
import { loadGolden } from "../../support/golden.ts";
import { fixture } from "../../support/paths.ts";
import { bytesOf, floats, safetensorsFile } from "../files.ts";

const CONFIG = new File([JSON.stringify({ _class_name: "VQModel" })], "config.json");
const WEIGHTS_NAME = "diffusion_pytorch_model.safetensors";

/** A weight file with the tensor `a` of one element. */
function weightsOf(element: number, name = WEIGHTS_NAME): File {
  const header = { a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } };
  return new File([safetensorsFile(header, floats(element))], name);
}

/** A file in the folder that a person chose, as browsers give it. */
function inFolder(folder: string, file: File): File {
  return Object.defineProperty(file, "webkitRelativePath", { value: `${folder}/${file.name}` });
}

/** The only element of the opened model, and the path of its configuration. */
async function opened(files: Iterable<GivenFile>, options?: ModelChoice): Promise<[number, string]> {
  const { weights, configPath } = await openGivenFiles(files, options);
  const [element] = await weights.read("a");
  await weights.close();
  return [element, configPath];
}

Deno.test("files are found by their names, in a list or any other iterable", async () => {
  assertEquals(await opened([CONFIG, weightsOf(3)]), [3, "config.json"]);
  assertEquals(await opened(new Set([weightsOf(4), new File([], "notes.txt"), CONFIG])), [4, "config.json"]);
});

Deno.test("files are found by path, as in a folder that was chosen", async () => {
  const files = () => [
    inFolder("mine", new File(["{}"], "model_index.json")),
    inFolder("mine/vqvae", new File([CONFIG], "config.json")),
    inFolder("mine/vqvae", weightsOf(1)),
    inFolder("mine/other", new File([CONFIG], "config.json")),
    inFolder("mine/other", weightsOf(2)),
  ];
  assertEquals(await opened(files(), { subfolder: "vqvae" }), [1, "vqvae/config.json"]);
  assertEquals(await opened(files(), { subfolder: "other" }), [2, "other/config.json"]);
});

Deno.test("the folders that all files are in are left out, but for the one that is asked for", async () => {
  const files = new Map<string, Blob>([["/a/vqvae/config.json", CONFIG], [`/a/vqvae/${WEIGHTS_NAME}`, weightsOf(5)]]);
  assertEquals(await opened(files), [5, "config.json"]);
  assertEquals(await opened(files, { subfolder: "vqvae" }), [5, "vqvae/config.json"]);
  assertEquals(await opened(files, { subfolder: "a/vqvae" }), [5, "a/vqvae/config.json"]);
});

Deno.test("a variant and a file are chosen as in a folder", async () => {
  const files = [CONFIG, weightsOf(1), weightsOf(2, "diffusion_pytorch_model.fp16.safetensors"), weightsOf(3, "x.pt")];
  assertEquals((await opened(files, { variant: "fp16" }))[0], 2);
  files[3] = weightsOf(3, "x.safetensors");
  assertEquals((await opened(files, { file: "x.safetensors" }))[0], 3);
});

Deno.test("files on the disk are opened as blobs, in each of their formats", async () => {
  for (const name of ["tiny-bin", "tiny-sharded", "tiny-default"]) {
    const { config } = loadGolden(name);
    const folder = fixture(`golden/${name}`);
    const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(async (entry) => {
      return [entry.name, await openAsBlob(join(folder, entry.name))] as const;
    });
    const model = await openGivenFiles(await Promise.all(files));
    assertEquals(model.config, config);
    for (const tensor of model.weights.tensors.keys()) await model.weights.read(tensor);
    await model.weights.close();
  }
});

Deno.test("files are read in parts", async () => {
  const spans: number[] = [];
  class Large extends File {
    override slice(begin: number, end: number): Blob {
      spans.push(end - begin);
      return super.slice(begin, end);
    }
    override arrayBuffer = () => Promise.reject(new Error("read whole"));
    override stream(): never {
      throw new Error("read whole");
    }
  }
  const half = 4_000_000;
  const header = {
    a: { dtype: "F32", shape: [half / 4], data_offsets: [0, half] },
    b: { dtype: "F32", shape: [half / 4], data_offsets: [half, 2 * half] },
  };
  const { weights } = await openGivenFiles([
    CONFIG,
    new Large([safetensorsFile(header, new Uint8Array(2 * half))], WEIGHTS_NAME),
  ]);
  await weights.read("b");
  assert(Math.max(...spans) <= half && spans.reduce((a, b) => a + b) < 1.1 * half, `${spans}`);
});

Deno.test("errors say what was expected and which files there are", async () => {
  const cases: [Iterable<GivenFile>, ModelChoice, new (message: string) => Error, string][] = [
    [[], {}, HubError, "Cannot load the list of files: expected config.json in it, found nothing"],
    [[weightsOf(1)], {}, HubError, `expected config.json in it, found ${WEIGHTS_NAME}`],
    [[CONFIG, new File([], "notes.txt")], {}, WeightsError, "no weights among: config.json, notes.txt"],
    [[CONFIG, weightsOf(1)], { subfolder: "vqvae" }, HubError, 'expected a folder "vqvae" in it, found config.json, d'],
    [[CONFIG, weightsOf(1)], { file: "x.ckpt" }, HubError, 'expected the file "x.ckpt" in it, found config.json, d'],
    [
      [
        CONFIG,
        new File(['{"weight_map":{"a":"part.safetensors"}}'], `${WEIGHTS_NAME}.index.json`),
        weightsOf(1, "x.bin"),
      ],
      {},
      WeightsError,
      "Cannot open part.safetensors: expected it in the list of files, found config.json",
    ],
    [[CONFIG, new File([bytesOf("short")], WEIGHTS_NAME)], {}, WeightsError, "Cannot"],
  ];
  for (const [files, choice, Kind, message] of cases) {
    await assertRejects(() => openGivenFiles(files, choice), Kind, message);
  }
});

Deno.test("what is no list of files is refused, and so are two files of one path", async () => {
  for (const wrong of [null, 3, "config.json", [new Blob(["{}"])], [null], [["config.json", "{}"]], [["a"]]]) {
    await assertRejects(() => openGivenFiles(wrong as never), TypeError, "Cannot open model: expected a");
  }
  await assertRejects(() => openGivenFiles([CONFIG, CONFIG]), TypeError, 'one file "config.json", found two');
  await assertRejects(() => openGivenFiles([CONFIG], { folder: "a" } as never), TypeError, '"subfolder"');
});

Deno.test("a file that cannot be read any more is an error that names it", async () => {
  const gone = Object.assign(new File(["12345678"], WEIGHTS_NAME), {
    slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("could not be read", "NotReadableError")) }),
  });
  await assertRejects(() => openGivenFiles([CONFIG, gone]), WeightsError, `Cannot read ${WEIGHTS_NAME}: could not be`);
});
