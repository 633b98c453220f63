/**
 * Advice on converting torch files in unsupported formats.
 *
 * @module
 */

/**
 * A command line that has Python save a torch file in the current format. The path is quoted.
 *
 * @param options.weightsOnly whether Python is to refuse code in the file, which older formats do not support
 */
export function conversionCommand(path: string, { weightsOnly }: { weightsOnly: boolean }): string {
  const load = `torch.load(p, map_location='cpu', weights_only=${weightsOnly ? "True" : "False"})`;
  return `python -c "import sys, torch; p = sys.argv[1]; torch.save(${load}, p)" ${quote(path)}`;
}

/** Quotes a path for a shell. Those of Windows know double quotes only, which no path of Windows contains. */
function quote(path: string): string {
  const isWindows = /^([A-Za-z]:|\\\\)/.test(path);
  return isWindows ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
