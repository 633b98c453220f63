import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { assertClose, assertSameCodes, loadGolden, loadReal, relativeError } from "./golden.ts";

Deno.test("a golden folder gives its configuration, tensors and notes", () => {
  const golden = loadGolden("tiny-f4");
  assertEquals(golden.config._class_name, "VQModel");
  assertEquals(golden.info.seed, 1);
  assertEquals(golden.tensor("latents").shape, [2, 3, 8, 8]);
  assertEquals(golden.tensor("loss").data.length, 1);
  assertEquals(golden.integers("indices").data.length, 128);
  assertThrows(() => golden.tensor("indices"), Error, "is I32, not F32");
  assertThrows(() => golden.tensor("nothing"), Error, "No tensor nothing");
});

Deno.test("float16 tensors are widened: the picture holds its float32 crop", () => {
  const golden = loadReal("vq-diffusion-ithq");
  const { data, shape } = golden.tensor("decoded");
  const crop = golden.tensor("decoded_crop").data;
  assertEquals(shape, [1, 3, 256, 256]);
  const row = data.slice(64 * 256 + 64, 64 * 256 + 128);
  assertClose(row, crop.slice(0, 64), 1e-3, "first row of the crop");
});

Deno.test("the error is relative to the length of what is expected", () => {
  assertAlmostEquals(relativeError([3, 4.5], [3, 4]), 0.1);
  assertEquals(relativeError([0.5], [0]), 0.5);
});

Deno.test("a comparison that fails says where and by how much", () => {
  assertClose([3, 4.5], [3, 4], 0.11, "within");
  const message = "latents: relative error 1.00e-1 is beyond 1.00e-3; worst at index 1 of 2: 4.5, expected 4";
  assertThrows(() => assertClose([3, 4.5], [3, 4], 1e-3, "latents"), Error, message);
  assertThrows(() => assertClose([NaN, 4], [3, 4], 1, "latents"), Error, "worst at index 0 of 2: NaN");
  assertThrows(() => assertClose([3], [3, 4], 1, "latents"), Error, "1 elements, expected 2");
});

Deno.test("codes are compared where the choice is clear", () => {
  assertSameCodes([1, 7], [1, 2], [1, 0], "indices");
  assertThrows(() => assertSameCodes([1, 7], [1, 2], [1, 0.5], "indices"), Error, "index 7 at 1, expected 2");
});
