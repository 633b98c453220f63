/** Runtimes that lack some globals. */

/** Runs `task` while some globals are undefined. */
export async function withoutGlobals(names: readonly string[], task: () => Promise<void>): Promise<void> {
  const properties = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)!] as const);
  for (const name of names) Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
  try {
    await task();
  } finally {
    for (const [name, property] of properties) Object.defineProperty(globalThis, name, property);
  }
}
