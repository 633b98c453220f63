/** Environment variables for a while. */
import process from "node:process";

/**
 * Runs something that finds these variables and no others. Only this file's `process.env` is replaced: the variables of
 * the process itself belong to every file that is tested at the same time.
 */
export async function withVariables<T>(variables: Record<string, string>, run: () => T | Promise<T>): Promise<T> {
  const { env } = process;
  process.env = { ...variables };
  try {
    return await run();
  } finally {
    process.env = env;
  }
}
