/** Where the files of the checkout are. */
import { fromFileUrl } from "@std/path";

const ROOT = new URL("../../", import.meta.url);

/** The path of a file or folder of the checkout, such as `cli.ts`. */
export function repository(path: string): string {
  return fromFileUrl(new URL(path, ROOT));
}

/** The path of a fixture, such as `pictures/golden/gif.gif`. */
export function fixture(path: string): string {
  return repository(`tests/fixtures/${path}`);
}
