import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { fnv1a32, hashUnit, loadRecipe, syntheticImage, syntheticTensor } from "./synthetic.ts";

const FIRST = "encoder.conv_in.weight";

Deno.test("the hash of a name is FNV-1a", () => {
  assertEquals(["", "a", FIRST].map(fnv1a32), [0x811C9DC5, 0xE40C292C, 0x99CE4059]);
});

Deno.test("the first values of a tensor and of a picture are the recipe's, bit for bit", () => {
  const units = [0, 1, 2, 3].map((i) => (hashUnit(FIRST, 1, i) + 1) * 2 ** 23);
  assertEquals(units, [13888487, 6319576, 12515796, 14775338]);
  const tensor = syntheticTensor(FIRST, [32, 3, 3, 3], { seed: 1 });
  assertEquals(bits(tensor), ["3e5fca68", "bda860d5", "3e27ef8b", "3e81f038"]);
  assertEquals(bits(syntheticImage([1, 3, 32, 32], 1)), ["bf2cf375", "beb1a2f3", "bf2a20b4", "be968b0d"]);
});

Deno.test("every weight of vq-f4 is the one that its results were computed with", () => {
  const { tensors, ...recipe } = loadRecipe("vq-f4");
  const hash = createHash("sha256");
  let parameters = 0;
  for (const name of Object.keys(tensors).sort()) {
    const values = syntheticTensor(name, tensors[name].shape, recipe);
    hash.update(new Uint8Array(values.buffer));
    parameters += values.length;
  }
  assertEquals(parameters, recipe.parameters);
  assertEquals(hash.digest("hex"), recipe.all_tensors_sorted_by_name_sha256);
});

for (const model of ["vq-f4", "amused", "movq", "vq-diffusion-ithq"]) {
  Deno.test(`the picture and every small tensor of ${model} are those of its recipe`, () => {
    const { tensors, ...recipe } = loadRecipe(model);
    assertEquals(sha256(syntheticImage(recipe.sample_shape, recipe.seed)), recipe.sample_sha256);
    const first = syntheticTensor(recipe.first_tensor, tensors[recipe.first_tensor].shape, recipe);
    assertEquals(sha256(first), recipe.first_tensor_sha256);
    for (const [name, { shape, sha256_16 }] of Object.entries(tensors)) {
      if (shape.reduce((product, side) => product * side, 1) > 300_000) continue;
      assertEquals(sha256(syntheticTensor(name, shape, recipe)).slice(0, 16), sha256_16, name);
    }
  });
}

function bits(values: Float32Array<ArrayBuffer>): string[] {
  return Array.from(new Uint32Array(values.buffer, 0, 4), (word) => word.toString(16));
}

function sha256(values: Float32Array<ArrayBuffer>): string {
  return createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex");
}
