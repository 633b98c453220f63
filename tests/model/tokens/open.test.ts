/** Token files that are read a few pictures at a time. */
import { assertEquals, assertRejects } from "@std/assert";
import { type ByteSource, openFile, sourceOfBytes } from "../../../hub/mod.ts";
import { encodeTokens, openTokens } from "../../../mod.ts";
import { bytesOf, safetensorsFile } from "../../hub/files.ts";
import { fixture } from "../../support/paths.ts";

/** The content of the fixtures: two pictures of 3×4 tokens. */
const INDICES = Int32Array.from({ length: 24 }, (_, i) => i * 5 % 128);

Deno.test("any pictures of a token file can be read alone, in every format", async () => {
  const names = ["big-i8.npy", "fortran.npy", "deflated.npz", "u2.safetensors", "strided.pt", "nested.json"];
  for (const name of names) {
    const source = await openFile(fixture(`tokens/${name}`));
    const { shape, read } = await openTokens(source, { name });
    assertEquals(shape, [2, 3, 4], name);
    assertEquals(await read(1, 2), INDICES.slice(12), name);
    assertEquals(await read(0, 2), INDICES, name);
    assertEquals(await read(1, 1), new Int32Array(), name);
    await source.close();
  }
});

Deno.test("of npy and safetensors, only the pictures that are asked for are read", async () => {
  const pictures = 10_000;
  const tokens = { indices: new Int32Array(pictures * 256).fill(7), shape: [pictures, 16, 16] } as const;
  for (const format of ["npy", "safetensors"] as const) {
    const whole = sourceOfBytes(encodeTokens(tokens, format), "tokens");
    let bytes = 0;
    const source: ByteSource = {
      ...whole,
      read(offset, length) {
        bytes += length;
        return whole.read(offset, length);
      },
    };
    const { read, dtype } = await openTokens(source);
    assertEquals(await read(9_999, 10_000), new Int32Array(256).fill(7));
    assertEquals([dtype, bytes < 20_000], ["int32", true], `${format}: ${bytes} bytes read`);
  }
});

Deno.test("the names of the pictures are read if there is one for each", async () => {
  const header = (keys: string) => ({
    __metadata__: { keys },
    indices: { dtype: "U8", shape: [2, 1, 1], data_offsets: [0, 2] },
  });
  const keysIn = async (keys: string) =>
    (await openTokens(sourceOfBytes(safetensorsFile(header(keys), bytesOf([1, 2])), "tokens"))).keys;
  assertEquals(await keysIn('["a", "b"]'), ["a", "b"]);
  for (const keys of ['["a"]', '["a", 1]', '{"length": 2}', "a, b"]) assertEquals(await keysIn(keys), undefined);
});

Deno.test("an array of no pictures is opened, yet is no tokens", async () => {
  const empty = safetensorsFile({ indices: { dtype: "U8", shape: [0, 3, 4], data_offsets: [0, 0] } });
  assertEquals((await openTokens(sourceOfBytes(empty, "tokens"))).shape, [0, 3, 4]);
  const flat = safetensorsFile({ indices: { dtype: "U8", shape: [0], data_offsets: [0, 0] } });
  await assertRejects(() => openTokens(sourceOfBytes(flat, "tokens")), TypeError, "found [0]");
});
