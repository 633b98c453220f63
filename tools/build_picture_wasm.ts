/**
 * Builds `model/images/wasm/module.gen.ts` from the AssemblyScript sources in `model/images/wasm/assembly/`.
 *
 *     deno run -A tools/build_picture_wasm.ts            writes it
 *     deno run -A tools/build_picture_wasm.ts --check    fails if the committed one is not what the sources build
 */

import { compile, emit, sourcesIn } from "../kernels/wasm/build/compile.ts";

const FOLDER = new URL("../model/images/wasm/", import.meta.url);
const binary = await compile("assembly/main.ts", "-O3 --converge", sourcesIn(FOLDER));
await emit(new URL("module.gen.ts", FOLDER), { module: binary.toBase64() });
