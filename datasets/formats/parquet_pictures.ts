// stub
import type { ByteSource } from "../../hub/mod.ts";
import type { DatasetPicture } from "../types.ts";
export async function* picturesOfParquet(_f: ByteSource, _n: string): AsyncGenerator<DatasetPicture> {}
