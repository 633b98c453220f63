// stub
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { DatasetFormat, TokenRecord, TokenSetInfo } from "../types.ts";
import { encodeTarRecords } from "./tar_records.ts";
import { readTar } from "./tar.ts";
import { decodeTokens } from "../../mod.ts";
export async function* encodeRecords(
  records: AsyncIterable<TokenRecord>,
  format: DatasetFormat,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (format === "tar") return yield* encodeTarRecords(records, info);
  for await (const r of records) {
    yield new TextEncoder().encode(JSON.stringify({ ...r, indices: [...r.indices] }) + "\n");
  }
}
export async function* decodeRecords(
  path: string,
  format: DatasetFormat = path.split(".").at(-1) as DatasetFormat,
): AsyncGenerator<TokenRecord> {
  if (format === "tar") {
    let indices = new Int32Array();
    for await (const e of readTar(createReadStream(path), path)) {
      const b = await e.bytes();
      if (e.name.endsWith(".npy")) {
        indices = (await decodeTokens(b, { format: "npy" })).indices as Int32Array<ArrayBuffer>;
      } else {
        const { model: _m, codebook: _c, ...f } = JSON.parse(new TextDecoder().decode(b));
        yield { ...f, indices };
      }
    }
    return;
  }
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const r = JSON.parse(line);
    yield { ...r, indices: Int32Array.from(r.indices) };
  }
}
