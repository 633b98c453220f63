/**
 * Names that differ from each other.
 *
 * @module
 */

/**
 * Puts `-2`, `-3`, … behind names that were there before.
 *
 * @param identityOf what must differ, by default the names themselves
 */
export function makeUnique(names: readonly string[], identityOf = (name: string) => name): string[] {
  const used = new Set(names.map(identityOf));
  const seen = new Set<string>();
  return names.map((name) => {
    if (!seen.has(identityOf(name))) {
      seen.add(identityOf(name));
      return name;
    }
    let number = 2;
    while (used.has(identityOf(`${name}-${number}`))) number++;
    used.add(identityOf(`${name}-${number}`));
    return `${name}-${number}`;
  });
}

/** What two names of files share on file systems that take capital for small letters, or composed for separate accents. */
export function fileIdentity(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
