/** The cost and the checks of unpacking an archive. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { type ByteSource, openTorchZip, sourceOfBytes, WeightsError } from "../../../../hub/mod.ts";
import { readZipDirectory } from "../../../../hub/formats/torch/zip.ts";
import { readZipEntry } from "../../../../hub/formats/torch/zip_entry.ts";
import { bytesOf, pickleOf, push, torchFile, u32, zipFile } from "../../files.ts";

/** A source that counts the bytes read from it. */
function counted(bytes: Uint8Array): ByteSource & { bytesRead: number } {
  const source = sourceOfBytes(bytes, "weights");
  return {
    ...source,
    bytesRead: 0,
    read(offset, length) {
      this.bytesRead += length;
      return source.read(offset, length);
    },
  };
}

/** A file with one storage of floats, and consecutive tensors in it. */
function viewsFile(
  floats: Float32Array<ArrayBuffer>,
  views: Record<string, [offset: number, count: number]>,
  options = {},
) {
  const storage = push.storage("FloatStorage", "0", floats.length);
  const tensors = Object.entries(views).map(([name, [offset, count]]) =>
    [name, push.tensor(storage, offset, [count], [1])] as const
  );
  const pickle = pickleOf(push.stateDict(Object.fromEntries(tensors)));
  return torchFile(pickle, { 0: new Uint8Array(floats.buffer) }, options);
}

/** Incompressible values, so that the bytes read from the archive show how far it is unpacked. */
function noise(length: number): Float32Array<ArrayBuffer> {
  let state = 1;
  return Float32Array.from({ length }, () => state = Math.imul(state, 0x2c1b3c6d) + 0x9e3779b9 | 0);
}

const LENGTH = 500_000;
const NOISE = noise(LENGTH);
const VIEWS: Record<string, [number, number]> = {
  end: [LENGTH - 10, 10],
  start: [0, 1000],
  inside: [10, 20],
  overlapping: [990, 400_000],
  same: [10, 20],
  none: [7, 0],
  ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`spread ${i}`, [i * 4999, 3]])),
};

Deno.test("a deflated storage is unpacked once for all tensors that view it, in any order", async () => {
  for (const deflated of [true, false]) {
    const file = await viewsFile(NOISE, VIEWS, { deflated });
    const bytes = counted(file);
    const source = await openTorchZip(bytes);
    for (const [name, [offset, count]] of Object.entries(VIEWS)) {
      assertEquals(await source.read(name), NOISE.slice(offset, offset + count), name);
    }
    assertLess(bytes.bytesRead, (deflated ? 1.1 : 3) * file.length);
    const both = await Promise.all([source.read("start"), source.read("start")]); // more often than announced
    assertEquals(both.map((values) => values[999]), [NOISE[999], NOISE[999]]);
    both[0].fill(0);
    assertEquals((await source.read("start"))[0], NOISE[0]);
    await source.close();
  }
});

Deno.test("a deflated storage is unpacked only as far as the announced tensors need", async () => {
  const file = await viewsFile(NOISE, VIEWS, { deflated: true });
  const bytes = counted(file);
  const source = await openTorchZip(bytes);
  source.expect!(["start", "inside", "not in the file"]);
  assertEquals(await source.read("inside"), NOISE.slice(10, 30));
  assertEquals(await source.read("start"), NOISE.slice(0, 1000));
  assertLess(bytes.bytesRead, file.length / 10);
  assertEquals(await source.read("end"), NOISE.slice(-10));
  await source.close();
});

Deno.test("views all over a storage that deflates a thousandfold cost as little as one", async () => {
  const length = 2 ** 26 / 4;
  const views = Array.from({ length: 93 }, (_, i) => [`${i}`, [Math.floor(i * length / 93), 1000]]);
  const file = await viewsFile(new Float32Array(length), Object.fromEntries(views), { deflated: true });
  const started = performance.now();
  const source = await openTorchZip(sourceOfBytes(file, "weights"));
  for (const name of source.tensors.keys()) assertEquals((await source.read(name)).length, 1000);
  assertLess(performance.now() - started, 2000);
});

Deno.test("tensors behind gigabytes of unneeded data are refused before any is unpacked", async () => {
  const tensor = push.tensor(push.storage("FloatStorage", "0", 2 ** 29), 2 ** 29 - 1, [1], [1]);
  const packed = new Uint8Array(noise(2 ** 31 / 1000 / 4).buffer);
  const file = await zipFile([
    { name: "a/data.pkl", data: pickleOf(push.stateDict({ tensor })) },
    { name: "a/data/0", data: packed, deflated: true, claimedSize: 2 ** 31 },
  ]);
  const source = await openTorchZip(sourceOfBytes(file, "weights"));
  const message = "its tensors take 4 bytes of a/data/0, of which 2147483648 would have to be unpacked";
  await assertRejects(() => source.read("tensor"), WeightsError, message);
});

Deno.test("an entry must match its checksum, if it has one", async () => {
  const data = new Uint8Array(NOISE.buffer, 0, 100_000);
  for (const deflated of [true, false]) {
    const open = async (checksum?: number) => {
      const source = sourceOfBytes(await zipFile([{ name: "a", data, deflated, checksum }]), "archive");
      return await readZipEntry(source, (await readZipDirectory(source)).get("a")!);
    };
    assertEquals(await open(), data);
    assertEquals(await open(0), data); // torch.serialization.set_crc32_options(False)
    await assertRejects(() => open(1), WeightsError, "Cannot read archive: a has the checksum");
  }
});

Deno.test("a damaged storage is refused for tensors in any part of it", async () => {
  const damage = async (name: string, deflated: boolean) => {
    const file = await viewsFile(NOISE, { whole: [0, LENGTH], most: [5, LENGTH - 9], half: [0, LENGTH / 2] }, {
      deflated,
    });
    file[file.length >> 1] ^= 1;
    const source = await openTorchZip(sourceOfBytes(file, "weights"));
    source.expect!([name]);
    await assertRejects(() => source.read(name), WeightsError, "archive/data/0 ");
  };
  for (const name of ["whole", "most", "half"]) {
    await damage(name, false);
    await damage(name, true);
  }
});

Deno.test("an archive with overlapping or too many entries is refused", async () => {
  const file = await zipFile([{ name: "a", data: bytesOf("some") }, { name: "b", data: bytesOf("more") }]);
  const at = new TextDecoder("latin1").decode(file).lastIndexOf("PK\x01\x02");
  new DataView(file.buffer).setUint32(at + 42, 0, true);
  await assertRejects(() => readZipDirectory(sourceOfBytes(file, "archive")), WeightsError, "its entries overlap");

  const count = 100_001;
  const directory = new Uint8Array(52 * count);
  const view = new DataView(directory.buffer);
  for (let i = 0; i < count; i++) {
    view.setUint32(52 * i, 0x02014b50, true);
    view.setUint16(52 * i + 28, 6, true);
    directory.set(bytesOf(`${i}`.padStart(6)), 52 * i + 46);
  }
  const end = bytesOf("PK\x05\x06", u32(0), u32(0), u32(directory.length), u32(0), [0, 0]);
  const crowd = sourceOfBytes(bytesOf(directory, end), "archive");
  await assertRejects(() => readZipDirectory(crowd), WeightsError, "it has more than 100000 entries");
});
