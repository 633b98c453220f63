/**
 * AssemblyScript of the classes through which the kernels read their jobs. Part of the build, not of the engine.
 *
 * @module
 */

import { FIELDS, JOB, Kind } from "../abi.ts";
import { JOB_FIELDS } from "../job_fields.ts";

/** The module of classes: `ImplicitGemmFields` for jobs of {@linkcode Kind.ImplicitGemm}; kinds with the same fields share one. */
export function jobClasses(): string {
  const names = new Map<object, string>();
  return Object.entries(JOB_FIELDS).map(([kind, fields]) => {
    const name = `${Kind[Number(kind)]}Fields`, shared = names.get(fields);
    if (shared) return `export type ${name} = ${shared};\n`;
    names.set(fields, name);
    return jobClass(name, fields);
  }).join("");
}

function jobClass(name: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([field, type]) => `  ${field}: ${type};\n`);
  if (4 * lines.length > JOB - FIELDS) {
    throw new Error(`Cannot build ${name}: a job has room for ${JOB - FIELDS} bytes`);
  }
  return `@unmanaged\nexport class ${name} {\n${lines.join("")}}\n`;
}
