/**
 * The files that commands write.
 *
 * @module
 */

import { pictureFormatOf } from "../mod.ts";
import { UsageError } from "./arguments.ts";
import { checkWritable } from "./files.ts";
import type { Options } from "./options.ts";

/** The file to write, which is checked before anything is computed. */
export async function outputOf({ output }: Options): Promise<string> {
  if (output === undefined) throw new UsageError("-o is needed: the file to write");
  await checkWritable(output);
  return output;
}

/** The picture file to write; as {@linkcode outputOf}. */
export async function pictureOutputOf(options: Options): Promise<string> {
  if (options.output !== undefined) pictureFormatOf(options.output);
  return await outputOf(options);
}
