/** Disposing of tensors by `using`, also where the runtime does not know `Symbol.dispose`. */
import { assert, assertEquals } from "@std/assert";
import { Tensor } from "../../../kernels/mod.ts";
import { build, stop } from "../../../tools/bundling/esbuild.ts";
import { repository } from "../../support/paths.ts";

Deno.test("using disposes of a tensor", () => {
  const tensor = new Tensor(Float32Array.of(1), [1]);
  {
    using _ = tensor;
  }
  let message = "";
  try {
    tensor.storage;
  } catch (error) {
    message = `${error}`;
  }
  assert(message.includes("disposed"), message);
});

Deno.test("without Symbol.dispose the method has the symbol that compilers of using look for", async () => {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [repository("kernels/tensor/tensor.ts")],
    bundle: true,
    format: "esm",
    write: false,
    define: { "Symbol.dispose": "undefined" },
  });
  await stop();
  const older: { Tensor: typeof Tensor } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  assertEquals(Object.getOwnPropertyNames(older.Tensor.prototype).includes("undefined"), false);
  assert(Symbol.for("Symbol.dispose") in older.Tensor.prototype);
});
