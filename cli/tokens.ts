/**
 * What the commands that make and take tokens say of files.
 *
 * @module
 */

/** What `--dtype` names: numbers of the model, of the token file, or one after the other. */
export function dtypesOf(dtype = ""): { computed?: string; stored?: string } {
  const names = dtype.split(",");
  return {
    computed: names.find((name) => name.startsWith("float")),
    stored: names.find((name) => name.includes("int")),
  };
}

/** What `--grid` says, rows and columns. */
export function gridOf(grid: string | undefined): [h: number, w: number] | undefined {
  if (grid === undefined) return undefined;
  const [h, w] = grid.split("x").map(Number);
  return [h, w];
}

/**
 * Where each picture of a batch goes: `%d` becomes its number, from 0 on.
 *
 * @throws {TypeError} if there are several for one name
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
