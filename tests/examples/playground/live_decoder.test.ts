/** Decoding while tokens change. */
import { assertEquals } from "@std/assert";
import { LiveDecoder } from "../../../examples/playground/engine/live_decoder.ts";
import type { DecodedPicture, TokenGrid } from "../../../examples/playground/engine/types.ts";
import { Picture } from "../../../mod.ts";

/** A decoder whose decodings end when the test says so. */
function controlled() {
  const running: { code: number; exact: boolean; end(): void }[] = [];
  const shown: number[] = [];
  const errors: unknown[] = [];
  const decoder = new LiveDecoder({
    decode: ({ indices: [code], exact }, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        const picture = new Picture(1, 1, new Uint8ClampedArray(4));
        const end = () => code < 0 ? reject(new Error("broken")) : resolve({ picture, exact, milliseconds: code });
        running.push({ code, exact, end });
      }),
    onPicture: ({ milliseconds }: DecodedPicture) => shown.push(milliseconds),
    onError: (error) => errors.push(error),
  });
  const grid = (code: number): TokenGrid => ({ rows: 1, columns: 1, indices: Int32Array.of(code) });
  const tick = () => new Promise((resolve) => setTimeout(resolve));
  return { decoder, running, shown, errors, grid, tick };
}

Deno.test("while a picture is decoded, only the latest tokens wait", async () => {
  const { decoder, running, shown, grid, tick } = controlled();
  for (const code of [1, 2, 3]) decoder.show(grid(code), { exact: false });
  running[0].end();
  await tick();
  running[1].end();
  await tick();
  assertEquals([running.map(({ code }) => code), shown, decoder.isBusy], [[1, 3], [1, 3], false]);
});

Deno.test("new tokens cancel an exact picture, and an error does not end decoding", async () => {
  const { decoder, running, shown, errors, grid, tick } = controlled();
  decoder.show(grid(1), { exact: true });
  decoder.show(grid(-2), { exact: false });
  await tick();
  running[1].end();
  await tick();
  decoder.show(grid(3), { exact: true });
  running[2].end();
  await tick();
  assertEquals([running.map(({ code }) => code), shown], [[1, -2, 3], [3]]);
  assertEquals(errors.map((error) => (error as Error).message), ["broken"]);
});
