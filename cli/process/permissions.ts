/**
 * Queries of Deno's permissions that never prompt.
 *
 * @module
 */

/** Whether this is Deno; else it is Node or Bun. */
export const IS_DENO: boolean = "Deno" in globalThis;

/** Whether a permission is granted. Other runtimes than Deno grant all. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return !IS_DENO || Deno.permissions.querySync(permission).state === "granted";
}
