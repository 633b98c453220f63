/** Graphs of imports, and what is wrong with them. */

/** Each module with those that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The first modules found that import each other in a circle, which begins and ends with the same one. */
export function findCircle(graph: ImportGraph): string[] | undefined {
  const done = new Set<string>();
  function follow(module: string, path: readonly string[]): string[] | undefined {
    if (path.includes(module)) return [...path.slice(path.indexOf(module)), module];
    if (done.has(module)) return undefined;
    for (const imported of graph.get(module) ?? []) {
      const circle = follow(imported, [...path, module]);
      if (circle) return circle;
    }
    done.add(module);
    return undefined;
  }
  for (const module of graph.keys()) {
    const circle = follow(module, []);
    if (circle) return circle;
  }
  return undefined;
}

/** The files and folders that stand directly in a folder, each with those of them that it imports. */
export function entriesOf(graph: ImportGraph, folder: string): ImportGraph {
  const entries = new Map<string, string[]>();
  for (const [module, imported] of graph) {
    const entry = entryOf(module, folder);
    if (!entry) continue;
    const others = imported.map((other) => entryOf(other, folder)).filter((other) => other && other !== entry);
    entries.set(entry, [...entries.get(entry) ?? [], ...others as string[]]);
  }
  return entries;
}

/** The file or folder directly in `folder` that a module is, or is in. */
export function entryOf(module: string, folder: string): string | undefined {
  return module.startsWith(`${folder}/`) ? module.slice(folder.length + 1).split("/")[0] : undefined;
}

/** A folder's files and folders from the lowest to the highest; those in one list do not import each other. */
export type Floors = readonly (readonly string[])[];

/** The imports of a folder's entries that do not lead to a lower floor. */
export function findUpward(graph: ImportGraph, folder: string, floors: Floors): string[] {
  const floorOf = (module: string) => floors.findIndex((floor) => floor.includes(entryOf(module, folder) ?? ""));
  return [...graph].flatMap(([module, imported]) =>
    imported
      .filter((other) => entryOf(other, folder) !== entryOf(module, folder))
      .filter((other) => Math.min(floorOf(module), floorOf(other)) >= 0 && floorOf(other) >= floorOf(module))
      .map((other) => `${module} imports ${other}`)
  );
}

/** The imports of a folder from outside of it that do not go through one of its faces. */
export function findInsides(graph: ImportGraph, folder: string, faces: readonly string[]): string[] {
  const isInside = (module: string) => entryOf(module, folder) !== undefined;
  return [...graph].filter(([module]) => !isInside(module)).flatMap(([module, imported]) =>
    imported
      .filter((other) => isInside(other) && !faces.includes(other.slice(folder.length + 1)))
      .map((other) => `${module} imports ${other}`)
  );
}
