/** A plugin for esbuild: a bundle asks the runtime for Node's modules, so that it also loads where there are none. */
import { builtinModules } from "node:module";
import type { Plugin } from "./esbuild.ts";

const NAMESPACE = "node-builtin";

export const nodeBuiltins: Plugin = {
  name: "node-builtins",
  setup(build) {
    build.onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, "");
      if (kind === "entry-point" || !builtinModules.includes(name)) return undefined;
      return { path: name, namespace: NAMESPACE, sideEffects: false };
    });
    build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
      contents: `module.exports = globalThis.process?.getBuiltinModule?.("node:${path}") ?? {};`,
    }));
  },
};
