/**
 * How to convert torch files that cannot be read here.
 *
 * @module
 */

/**
 * A command line that has Python save a torch file in its present format, whatever its path is made of.
 *
 * @param options.weightsOnly whether Python may refuse to run code in the file, which not every format lets it
 */
export function conversionCommand(path: string, { weightsOnly }: { weightsOnly: boolean }): string {
  const load = `torch.load(p, map_location='cpu', weights_only=${weightsOnly ? "True" : "False"})`;
  return `python -c "import sys, torch; p = sys.argv[1]; torch.save(${load}, p)" ${quote(path)}`;
}

/** A path as a word of a command line; the shells of Windows know double quotes alone, which no path of it holds. */
function quote(path: string): string {
  const isWindows = /^([A-Za-z]:|\\\\)/.test(path);
  return isWindows ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
