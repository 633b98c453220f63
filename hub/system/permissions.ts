/**
 * What this process may do, asked without ever prompting for it.
 *
 * @module
 */

/** A permission of Deno's. Without a path, that for every path. */
export type Permission =
  | { name: "env"; variable: string }
  | { name: "read" | "write"; path?: string }
  | { name: "sys"; kind: "homedir" };

/** Whether a permission was granted; elsewhere than in Deno, there is nothing to ask. */
export function isGranted(permission: Permission): boolean {
  const { Deno } = globalThis as {
    Deno?: { permissions?: { querySync?(permission: Permission): { state: string } } };
  };
  const permissions = Deno?.permissions;
  return !permissions?.querySync || permissions.querySync(permission).state === "granted";
}
