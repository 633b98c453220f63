/**
 * The commands, in the order of the help text.
 *
 * @module
 */

import type { Command } from "./arguments.ts";
import { cacheCommands } from "./commands/cache.ts";
import { codesCommand } from "./commands/codes.ts";
import { convertCommand } from "./commands/convert.ts";
import { detokenizeCommand } from "./commands/detokenize.ts";
import { infoCommand } from "./commands/info.ts";
import { mergeCommand } from "./commands/merge.ts";
import { profileCommand } from "./commands/profile.ts";
import { queueCommands } from "./commands/queue.ts";
import { reconstructCommand } from "./commands/reconstruct.ts";
import { statsCommand } from "./commands/stats.ts";
import { tokenizeCommand } from "./commands/tokenize.ts";
import { verifyCommand } from "./commands/verify.ts";
import { workerCommand } from "./commands/worker.ts";

/** Every command. */
export const COMMANDS: readonly Command[] = [
  infoCommand,
  reconstructCommand,
  tokenizeCommand,
  detokenizeCommand,
  statsCommand,
  verifyCommand,
  mergeCommand,
  codesCommand,
  profileCommand,
  convertCommand,
  workerCommand,
  ...queueCommands,
  ...cacheCommands,
];
