/**
 * Errors of the operating system, of Deno's permissions, and of a browser's storage.
 *
 * @module
 */

const REFUSALS = [
  ...["NotCapable", "PermissionDenied", "NotSupported", "EACCES", "EPERM", "EROFS", "ENOSYS", "ENOTSUP"],
  ...["NotAllowedError", "NotSupportedError", "QuotaExceededError", "SecurityError"],
];

/** Whether an operation was refused by the system, by Deno or by a browser, or is not supported. */
export function isRefusal(thrown: unknown): boolean {
  const { name, code } = Object(thrown) as { name?: string; code?: string };
  return [name, code].some((value) => value !== undefined && REFUSALS.includes(value));
}

/** Whether an operation of the file system failed: such errors have a code, such as `"ENOENT"`. */
export function isSystemError(thrown: unknown): boolean {
  return typeof (Object(thrown) as { code?: unknown }).code === "string";
}
