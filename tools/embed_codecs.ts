// deno-lint-ignore-file no-console
/**
 * Puts the WebAssembly of picture codecs into modules, in base64: a file beside a module needs `--allow-read`, and importing
 * it breaks type checking and bundling. With `--check` only checks whether the modules are up to date.
 */

// These imports install the packages, which an import of a computed name does not.
import "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
import "@jsquash/avif/meta.js";
import "@jsquash/jpeg/meta.js";
import "@jsquash/webp/meta.js";
import "imagescript";
import { base64Literal } from "../kernels/wasm/build/base64_literal.ts";

interface Codec {
  /** The WebAssembly file, in an npm package. */
  readonly source: string;
  /** The module that is written, and the name that it exports. */
  readonly output: string;
  readonly name: string;
  /** What it is and who made it. */
  readonly about: string;
}

const CODECS: readonly Codec[] = [
  {
    source: "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm",
    output: "model/images/codecs/jpeg/wasm.gen.ts",
    name: "JPEG_WASM",
    about: "The JPEG decoder of @jsquash/jpeg (Apache-2.0, © Google and Jamie Sinclair; mozjpeg, IJG and BSD-3-Clause)",
  },
  {
    source: "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm",
    output: "model/images/codecs/jpeg/turbo_wasm.gen.ts",
    name: "JPEG_TURBO_WASM",
    about:
      "The JPEG decoder of @cornerstonejs/codec-libjpeg-turbo-8bit (ISC and MIT, © Chris Hafey; libjpeg-turbo, IJG " +
      "and BSD-3-Clause)",
  },
  {
    source: "imagescript/wasm/any/jpeg.wasm",
    output: "model/images/codecs/jpeg/encoder_wasm.gen.ts",
    name: "JPEG_ENCODER_WASM",
    // Its own loader needs `--allow-env` and `--allow-read`, and does not export the encoder.
    about: "The JPEG codec of imagescript (MIT, © Mathis Mensing)",
  },
  {
    source: "@jsquash/webp/codec/dec/webp_dec.wasm",
    output: "model/images/codecs/webp/wasm.gen.ts",
    name: "WEBP_WASM",
    about: "The WebP decoder of @jsquash/webp (Apache-2.0, © Google and Jamie Sinclair; libwebp, BSD-3-Clause)",
  },
  {
    source: "@jsquash/avif/codec/dec/avif_dec.wasm",
    output: "model/images/codecs/avif/wasm.gen.ts",
    name: "AVIF_WASM",
    about:
      "The AVIF decoder of @jsquash/avif (Apache-2.0, © Google and Jamie Sinclair; libavif and libaom, BSD-2-Clause)",
  },
];

function moduleOf({ source, name, about }: Codec, wasm: Uint8Array): string {
  return `/**
 * ${about}: \`${source}\`.
 *
 * Made by \`deno task codecs\`, not to be edited.
 *
 * @module
 */

/** The WebAssembly module, base64. */
export const ${name}: string = ${base64Literal(wasm.toBase64())};
`;
}

for (const codec of CODECS) {
  const { default: wasm } = await import(codec.source, { with: { type: "bytes" } });
  const text = moduleOf(codec, wasm);
  const file = new URL(`../${codec.output}`, import.meta.url);
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(file, text);
  else if (await Deno.readTextFile(file) !== text) {
    console.error(`${codec.output} is not what ${codec.source} holds; run deno task codecs`);
    Deno.exitCode = 1;
  }
}
