/** The bundler: the same version wherever it is used. */
export { build, type Metafile, type Plugin, stop } from "npm:esbuild@0.28.2";
