/**
 * Queries of Deno's permissions that never prompt.
 *
 * @module
 */

/** A permission of Deno's. Without a path, it is for every path. */
export type Permission =
  | { name: "env"; variable: string }
  | { name: "read" | "write"; path?: string }
  | { name: "sys"; kind: "homedir" };

/** Whether a permission is granted. Always true on other runtimes than Deno. */
export function isGranted(permission: Permission): boolean {
  const { Deno } = globalThis as {
    Deno?: { permissions?: { querySync?(permission: Permission): { state: string } } };
  };
  const permissions = Deno?.permissions;
  return !permissions?.querySync || permissions.querySync(permission).state === "granted";
}
