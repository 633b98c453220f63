/** Limits on time and memory for small files and short arrays. */
import { assertLess, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { bytesOf, pickleOf, push, safetensorsFile, torchFile, u16, zipFile } from "../../hub/files.ts";
import { withFolder } from "../../support/folders.ts";
import { repository } from "../../support/paths.ts";
import { outputOf, startDeno } from "../../support/processes.ts";

function npy(shape: string, data: ArrayLike<number>, descr = "|u1"): Uint8Array<ArrayBuffer> {
  const header = `{'descr': '${descr}', 'fortran_order': True, 'shape': ${shape}, }\n`;
  return bytesOf([0x93], "NUMPY", [1, 0], u16(header.length), header, data);
}

const deflated = (name: string, data: Uint8Array<ArrayBuffer>) => zipFile([{ name, data, deflated: true }]);
const MEGABYTE = 1_000_000;

/** Files of less than a megabyte, most of which would expand to far more. */
const FILES: Record<string, () => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>> = {
  "an honest array of a megabyte": () => npy("(1, 900, 1000)", new Uint8Array(900_000)),
  "a header of 10^12 elements": () => npy("(1, 1000000, 1000000)", []),
  "a shape of thousands of sides": () => npy(`(${"1, ".repeat(3000)})`, [1]),
  "a header of a megabyte": () => bytesOf([0x93], "NUMPY", [2, 0, 64, 66, 15, 0], new Uint8Array(999_000).fill(0x27)),
  "an array that deflates a thousandfold": () => deflated("arr_0.npy", npy("(1, 10000, 10000)", new Uint8Array(1e8))),
  "as large an array as deflates so": () => deflated("arr_0.npy", npy("(1, 4000, 2000)", new Uint8Array(8e6))),
  "an entry that says it is small": async () => {
    const data = npy("(1, 3000, 30000)", new Uint8Array(9e7));
    return await zipFile([{ name: "arr_0.npy", data, deflated: true, claimedSize: 10_000 }]);
  },
  "an entry that says it is huge": async () => {
    return await zipFile([{ name: "a.npy", data: new Uint8Array(900_000), claimedSize: 4e9, deflated: true }]);
  },
  "a codebook's name of 16 million letters": async () => {
    const name = npy("()", new Uint8Array(1.6e7), "<U4000000");
    return await zipFile([
      { name: "a.npy", data: npy("(1, 1, 1)", [1]) },
      { name: "codebook.npy", data: name, deflated: true },
    ]);
  },
  "a tensor of 10^12 elements": () =>
    safetensorsFile({ a: { dtype: "U8", shape: [1, 1e6, 1e6], data_offsets: [0, 1e12] } }),
  "a header of ten thousand tensors": () => {
    const empty = { dtype: "U8", shape: [0], data_offsets: [0, 0] };
    return safetensorsFile(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`tensor ${i}`, empty])));
  },
  "arrays half a million deep": () => bytesOf("[".repeat(MEGABYTE / 2 - 1), "]".repeat(MEGABYTE / 2 - 1)),
  "three hundred thousand arrays": () => bytesOf("[", "[],".repeat(MEGABYTE / 3 - 10), "[]]"),
  "half a million tokens": () => bytesOf("[[", "1,".repeat(MEGABYTE / 2 - 10), "1],[2]]"),
  "a length without elements": () => bytesOf('{"shape": [1, 1, 1e9], "indices": {"length": 1e9}}'),
  "a stride of zero": () => {
    const view = push.tensor(push.storage("ByteStorage", "0", 1), 0, [1, 8000, 8000], [0, 0, 0]);
    return torchFile(pickleOf(view), { 0: bytesOf([1]) });
  },
  "a storage that deflates a thousandfold": () => {
    const data = new Uint8Array(1e8);
    const view = push.tensor(push.storage("ByteStorage", "0", 1e8), 0, [1, 1, 1e8], [1e8, 1e8, 1]);
    return torchFile(pickleOf(view), { 0: data }, { deflated: true });
  },
  "a pickle of two million dictionaries": () => torchFile(new Uint8Array(2e6).fill(0x7d), {}, { deflated: true }),
  "as large a pickle of dictionaries as is read": () => torchFile(new Uint8Array(2 ** 18).fill(0x7d)),
  "a pickle of dictionaries as torch wrote before 1.6": () => {
    const magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
    const version = [0x80, 2, 0x4d, 0xe9, 0x03, 0x2e];
    return bytesOf(magic, version, [0x80, 2], "}.", new Uint8Array(9e5).fill(0x7d));
  },
  "a pickle that deflates a thousandfold": () => torchFile(new Uint8Array(6e7).fill(0x5d), {}, { deflated: true }),
};

const SCRIPT = repository("tests/model/tokens/cost_in_process.ts");

async function costOf(path: string): Promise<{ message: string; milliseconds: number; bytes: number }> {
  const { stdout, stderr } = await outputOf(startDeno(["run", "-A", SCRIPT, path]));
  return JSON.parse(stdout || JSON.stringify({ message: stderr, milliseconds: Infinity }));
}

for (const [name, make] of Object.entries(FILES)) {
  Deno.test(`no more than 2 s and 200 MB, read or refused: ${name}`, async () => {
    await withFolder(async (folder) => {
      const bytes = await make();
      assertLess(bytes.length, MEGABYTE);
      const path = join(folder, "tokens");
      await Deno.writeFile(path, bytes);
      const cost = await costOf(path);
      if (cost.message !== "") assertMatch(cost.message, /^Cannot read tokens: /);
      assertLess(cost.milliseconds, 2000);
      assertLess(cost.bytes, 200e6);
    });
  });
}
