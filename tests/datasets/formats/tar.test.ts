/** Tar archives: of Python, our own, and hostile ones. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import {
  decodeRecords,
  encodeTar,
  encodeTarRecords,
  picturesOfTar,
  readTar,
  type TokenRecord,
} from "../../../datasets/mod.ts";
import { bytesOf } from "../../hub/files.ts";
import { withFolder } from "../../support/folders.ts";
import { python } from "../python.ts";
import { bytesOfStream, chunksOf, streamOf } from "./streams.ts";
import { paxEntry, type RawEntry, tarEntry, tarFile } from "./tar_files.ts";

const LONG = `${"folder/".repeat(40)}${"ä".repeat(80)}.jpg`;

async function filesOf(bytes: Uint8Array, chunk?: number): Promise<[name: string, content: string][]> {
  const files: [string, string][] = [];
  for await (const entry of readTar(chunksOf(bytes, chunk), "a.tar")) {
    files.push([entry.name, new TextDecoder().decode(await entry.bytes())]);
  }
  return files;
}

async function keysOf(...entries: RawEntry[]): Promise<string[]> {
  const pictures = picturesOfTar(chunksOf(tarFile(...entries)), "a.tar");
  return (await Array.fromAsync(pictures)).map(({ key }) => key);
}

Deno.test("tar archives that Python writes are read: USTAR, GNU and pax, long names, folders and links", async () => {
  await withFolder(async (folder) => {
    await python("write_tar.py", folder);
    const content = "x".repeat(1300);
    const short = `${"folder/".repeat(12)}${"n".repeat(90)}.jpg`;
    for (const format of ["ustar", "gnu", "pax"]) {
      const bytes = await Deno.readFile(join(folder, `${format}.tar`));
      const names = ["a/b.c/0001.jpg", "empty.cls", short, ...(format === "ustar" ? [] : [LONG])];
      const expected = names.map((name) => [name, name === "empty.cls" ? "" : content]);
      for (const chunk of [1, 512, 100_000]) assertEquals(await filesOf(bytes, chunk), expected, format);
      assertEquals(await filesOf(gzipSync(bytes)), expected, format);
    }
  });
});

Deno.test("the same files give the same archive, which is read back", async () => {
  const files = [["a.jpg", "one"], [LONG, "two"], ["empty", ""], ["/../etc/x", "3".repeat(5000)]] as const;
  const write = () => bytesOfStream(encodeTar(streamOf(files.map(([name, text]) => ({ name, bytes: bytesOf(text) })))));
  const bytes = await write();
  assertEquals(await write(), bytes);
  assertEquals(await filesOf(bytes), files.map(([name, text]) => [name, text]));
  assertEquals(await filesOf(await bytesOfStream(encodeTar(streamOf([])))), []);
  for (const name of ["", "a\0b"]) {
    const broken = encodeTar(streamOf([{ name, bytes: bytesOf("") }]));
    await assertRejects(() => bytesOfStream(broken), RangeError, "expected a name without zero bytes");
  }
});

Deno.test("an error of the files ends the archive that is written of them", async () => {
  async function* failing() {
    yield { name: "a", bytes: bytesOf("one") };
    await Promise.reject(new RangeError("no more"));
  }
  await assertRejects(() => bytesOfStream(encodeTar(failing())), RangeError, "no more");
});

Deno.test("an archive that is no longer read stops the files behind it", async () => {
  let made = 0;
  async function* files() {
    for (; made < 1e6; made++) yield await Promise.resolve({ name: `${made}`, bytes: new Uint8Array(1e5) });
  }
  for await (const _ of encodeTar(files())) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = made;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(made, before);
  assertLess(made, 1000);
});

Deno.test("entries may be left unread, but not read twice", async () => {
  const names: string[] = [];
  const bytes = tarFile({ name: "a", data: "x".repeat(3000) }, { name: "b", data: "y" });
  for await (const entry of readTar(chunksOf(bytes), "a.tar")) {
    names.push(entry.name);
    if (entry.name === "b") {
      await entry.bytes();
      await assertRejects(() => entry.bytes(), TypeError, 'Cannot read a.tar: "b" was read already');
    }
  }
  assertEquals(names, ["a", "b"]);
});

Deno.test("archives of before POSIX, names in two parts, and sizes in pax headers and in binary are read", async () => {
  const size = bytesOf([0x80], new Uint8Array(10), [3]);
  const entries: RawEntry[] = [
    { name: "old", data: "one", magic: "", type: "\0" },
    { name: "folder/", type: "\0", magic: "" },
    { name: "b", prefix: "a", data: "two" },
    { name: "gnu", prefix: "times", magic: "ustar  \0", data: "six" },
    paxEntry({ comment: "of all that follow" }, "g"),
    paxEntry({ mtime: "1.5", path: "pax/ü" }),
    { name: "short", data: "ten" },
    { name: "binary", data: "abc", size },
    paxEntry({ size: "3" }),
    { name: "later", data: "def", size: "00000000000\0" },
    { name: "socket", type: "6", size: "00000001000\0" },
    { name: "last", data: "!" },
  ];
  const expected = [["old", "one"], ["a/b", "two"], ["gnu", "six"], ["pax/ü", "ten"], ["binary", "abc"]];
  assertEquals(await filesOf(tarFile(...entries)), [...expected, ["later", "def"], ["last", "!"]]);
});

Deno.test("an archive may end without its last blocks, or have others behind them", async () => {
  const entry = tarEntry({ name: "a", data: "x" });
  assertEquals(await filesOf(entry), [["a", "x"]]);
  assertEquals(await filesOf(bytesOf(entry, new Uint8Array(512), "anything")), [["a", "x"]]);
});

const file = { name: "a.jpg", data: "x".repeat(600) };
const DAMAGED: [what: string, bytes: Uint8Array, message: string][] = [
  ["no bytes", new Uint8Array(), "expected a header of 512 bytes at byte 0, found 0"],
  ["text", bytesOf("x".repeat(2000)), "expected a tar archive with the checksum"],
  ["a header cut short", tarFile(file).subarray(0, 100), "expected a header of 512 bytes at byte 0, found 100"],
  ["a second header cut short", tarFile(file).subarray(0, 1600), "of 512 bytes at byte 1536, found 64"],
  ["a file cut short", tarFile(file).subarray(0, 1000), 'expected 600 more bytes of "a.jpg", found 488'],
  ["padding cut short", tarFile(file).subarray(0, 1200), 'expected 424 more bytes of "a.jpg", found 88'],
  ["another checksum", tarFile({ ...file, checksum: "0000001\0" }), "in the header at byte 0, found"],
  ["a size beyond its end", tarFile({ ...file, size: "00077777777\0" }), "expected 16777215 more bytes"],
  ["a negative size", tarFile({ ...file, size: new Uint8Array(12).fill(255) }), "expected the size of a file"],
  [
    "a size of 2^95",
    tarFile({ ...file, size: [0x80, ...new Uint8Array(11).fill(255)] }),
    "expected the size of a file",
  ],
  ["a size in decimal digits", tarFile({ ...file, size: "00000000999\0" }), "expected the size of a file"],
  ["a size with a sign", tarFile({ ...file, size: "-0000000001\0" }), "expected the size of a file"],
  ["a pax size that is negative", tarFile(paxEntry({ size: "-5" }), file), "expected a size in a pax header"],
  ["a pax size beyond 2^53", tarFile(paxEntry({ size: "9".repeat(16) }), file), "expected a size in a pax header"],
  ["a pax record beyond its header", tarFile({ name: "", type: "x", data: "99 path=a\n" }), "expected a pax record"],
  ["a pax record without length", tarFile({ name: "", type: "x", data: "path=a\n" }), "expected a pax record"],
  ["a pax record of no length", tarFile({ name: "", type: "x", data: "0 path=a\n" }), "expected a pax record"],
  ["damaged gzip", gzipSync(tarFile(file)).fill(0, 40, 60), "expected gzip, found damaged data"],
  ["gzip cut short", gzipSync(tarFile(file)).subarray(0, 60), "expected gzip, found damaged data"],
];

Deno.test("a damaged archive is an error that names what was expected and found", async () => {
  for (const [what, bytes, message] of DAMAGED) {
    const read = () => filesOf(bytes);
    assertEquals((await assertRejects(read, TypeError, message, what)).message.startsWith("Cannot read a.tar: "), true);
  }
});

Deno.test("an archive costs no more time or memory than its bytes do", async () => {
  const start = performance.now();
  const lengths = tarFile({ name: "", type: "x", data: `${"2x".repeat(500_000)} ` });
  await assertRejects(() => filesOf(lengths), TypeError, "expected a pax record");
  const short = tarFile({ name: "", type: "x", data: "4 =\n".repeat(250_000) }, file);
  assertEquals((await filesOf(short)).length, 1);
  const pax = tarFile({ name: "", type: "x", data: new Uint8Array(2e6), size: "00007500000\0" });
  await assertRejects(() => filesOf(pax), RangeError, "expected at most 1048576");
  const name = tarFile({ name: "", type: "L", data: "", size: "77777777777\0" });
  await assertRejects(() => filesOf(name), RangeError, "expected at most 1048576");
  await assertRejects(() => filesOf(tarFile({ ...file, size: "77777777777\0" })), RangeError, "expected at most");
  assertEquals((await filesOf(tarFile(...Array.from({ length: 5000 }, (_, i) => ({ name: `${i}` }))))).length, 5000);
  assertLess(performance.now() - start, 10_000); // a time that grows with the square would be minutes
});

Deno.test("the pictures of an archive have WebDataset's keys, up to the first dot of their names", async () => {
  const names = ["./train/0001.JPG", "0001.cls", "b.c/0002.left.png", "b.c/0002.right.png", "../x.webp", "/y.tiff"];
  const hidden = ["._0003.jpg", "a/.jpg", ".hidden.png", "jpg", "a/readme.txt"];
  const entries = [...names, ...hidden].map((name) => ({ name, data: "x" }));
  entries.push({ name: "folder.jpg/", data: "" });
  assertEquals(await keysOf(...entries), ["train/0001", "b.c/0002", "b.c/0002.right", "../x", "/y"]);
});

Deno.test("pictures of one key in an archive have different ones, and none is lost", async () => {
  const names = ["a.left.jpg", "a.right.jpg", "a.right.png", "a.jpg", "a.jpg", "A.jpg", "a-2.jpg"];
  const keys = await keysOf(...names.map((name) => ({ name })));
  assertEquals(keys, ["a", "a.right", "a.right-2", "a-2", "a-3", "A", "a-2-2"]);
});

Deno.test("an archive that ends between two files is read, and its last item says that it may be cut short", async () => {
  const whole = tarFile({ name: "a.jpg", data: "x" }, { name: "b.jpg", data: "y" });
  for (const [bytes, expected] of [[whole, "a b"], [whole.subarray(0, -1024), "a b cut.tar"]] as const) {
    const keys: string[] = [];
    for await (const { key, name, bytes: read } of picturesOfTar(streamOf([bytes]), "cut.tar")) {
      keys.push(key);
      if (name === "cut.tar") await assertRejects(read, TypeError, "pictures missing; fetch it again");
      else await read();
    }
    assertEquals(keys.join(" "), expected);
  }
});

Deno.test("names in archives of tokens are samples of WebDataset, whatever the keys", async () => {
  const keys = ["a.b", "a.c", "a_b", "x.y/z.", ".hidden", "", "A", "a"];
  const records = keys.map((key): TokenRecord => ({ key, indices: Int32Array.of(1), shape: [1, 1] }));
  const bytes = await bytesOfStream(encodeTarRecords(streamOf(records), { dtype: "uint8" }));
  const names = (await filesOf(bytes)).map(([name]) => name).filter((name) => name.endsWith(".npy"));
  const samples = ["a_b", "a_c", "a_b-2", "x.y/z_", "_hidden", "_", "A", "a"];
  assertEquals(names, samples.map((sample) => `${sample}.npy`));
  assertEquals((await Array.fromAsync(decodeRecords(bytes))).map(({ key }) => key), keys);
});

Deno.test("tokens are written as arrays [h, w] of their type with what is known of the picture beside them", async () => {
  const hash = "ab".repeat(32);
  const records: TokenRecord[] = [
    { key: "a/0", indices: Int32Array.of(1, 2, 3, 4, 5, 65535), shape: [2, 3], width: 24, height: 16, sha256: hash },
    { key: "a/0_hflip", indices: Int32Array.of(0, 0), shape: [1, 2], augment: "hflip" },
  ];
  const info = { dtype: "uint16", model: "owner/name", codebook: hash, codes: 65536 } as const;
  const files = await filesOf(await bytesOfStream(encodeTarRecords(streamOf(records), info)));
  assertEquals(files.map(([name]) => name), ["a/0.npy", "a/0.json", "a/0_hflip.npy", "a/0_hflip.json"]);
  const fields = { width: 24, height: 16, sha256: hash, model: "owner/name", codebook: hash, codes: 65536 };
  assertEquals(JSON.parse(files[1][1]), { key: "a/0", shape: [2, 3], ...fields });
  const flipped = {
    key: "a/0_hflip",
    shape: [1, 2],
    augment: "hflip",
    model: "owner/name",
    codebook: hash,
    codes: 65536,
  };
  assertEquals(JSON.parse(files[3][1]), flipped);
  const large = encodeTarRecords(streamOf(records), { dtype: "uint8" });
  await assertRejects(() => bytesOfStream(large), RangeError, "uint8 does not hold index 65535");
});

/** An archive of `a.jpg` with as many zeros, and `b.jpg`. */
async function* withLargePicture(size: number): AsyncGenerator<Uint8Array> {
  yield tarEntry({ name: "a.jpg", size: `${size.toString(8).padStart(11, "0")}\0` });
  const zeros = new Uint8Array(2 ** 20);
  for (let left = size; left > 0; left -= zeros.length) yield await Promise.resolve(zeros.subarray(0, left));
  yield tarFile({ name: "b.jpg", data: "x" });
}

Deno.test("a picture that is stored with holes fails alone, under its own name", async () => {
  const more = "\0".repeat(137) + "\x01"; // a block with further holes follows
  const archive = tarFile(
    { name: "a.png", data: "a" },
    { name: "few.png", type: "S", magic: "ustar  \0", data: "b" },
    {
      name: "many.png",
      type: "S",
      magic: "ustar  \0",
      prefix: more,
      size: "00000000001\0",
      data: "\0".repeat(512) + "c",
    },
    paxEntry({ path: "GNUSparseFile.1/pax", "GNU.sparse.major": "1", "GNU.sparse.name": "pax.png" }),
    { name: "GNUSparseFile.1/pax", data: "d" },
    { name: "z.png", data: "z" },
  );
  const pictures: [string, string][] = [];
  for await (const { key, bytes } of picturesOfTar(chunksOf(archive), "t.tar")) {
    pictures.push([key, await bytes().then((file) => new TextDecoder().decode(file), ({ message }) => message)]);
  }
  const holes = (name: string) => `Cannot read t.tar: "${name}.png" is stored with holes; pack it without --sparse`;
  const failed = ["few", "many", "pax"].map((name) => [name, holes(name)]);
  assertEquals(pictures, [["a", "a"], ...failed, ["z", "z"]]);
});

Deno.test("a picture that is too large fails alone, without being in memory; those behind it are read", async () => {
  for (const size of [2 ** 28 + 512, 2 ** 30 + 512]) {
    const keys: string[] = [];
    for await (const { key, bytes } of picturesOfTar(withLargePicture(size), "a.tar")) {
      keys.push(key);
      if (key === "a") await assertRejects(bytes, RangeError, `expected at most ${2 ** 28} bytes, found ${size}`);
      else assertEquals(new TextDecoder().decode(await bytes()), "x");
    }
    assertEquals(keys, ["a", "b"]);
  }
});
