/**
 * Builds `module.gen.ts` from the AssemblyScript sources in `assembly/`.
 *
 *     deno run -A model/images/wasm/build.ts            writes it
 *     deno run -A model/images/wasm/build.ts --check    fails if the committed one is not what the sources build
 *
 * @module
 */

import { compile, emit, sourcesIn } from "../../../kernels/wasm/build/compile.ts";

const binary = await compile("assembly/main.ts", "-O3 --converge", sourcesIn(new URL(".", import.meta.url)));
await emit(new URL("./module.gen.ts", import.meta.url), { module: binary.toBase64() });
