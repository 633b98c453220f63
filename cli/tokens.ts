/**
 * Options for token files.
 *
 * @module
 */

/** The element types in `--dtype`: on the device, of the token file, or both. */
export function dtypesOf(dtype = ""): { computed?: string; stored?: string } {
  const names = dtype.split(",");
  return {
    computed: names.find((name) => name.startsWith("float")),
    stored: names.find((name) => name.includes("int")),
  };
}

/** The rows and columns in `--grid`. */
export function gridOf(grid: string | undefined): [h: number, w: number] | undefined {
  if (grid === undefined) return undefined;
  const [h, w] = grid.split("x").map(Number);
  return [h, w];
}

/**
 * The file name of each picture of a batch: `%d` stands for its number, from 0.
 *
 * @throws {TypeError} if several pictures would have the same name
 */
export function namesOf(output: string, count: number, tokens: string): string[] {
  if (count > 1 && !output.includes("%d")) {
    throw new TypeError(
      `Cannot read tokens from ${tokens} into one picture: they are of ${count}. Put %d where their numbers go, as in ` +
        "-o picture-%d.png",
    );
  }
  return Array.from({ length: count }, (_, i) => output.replaceAll("%d", `${i}`));
}
