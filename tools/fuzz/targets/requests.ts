/**
 * Arguments of the command line, and requests to the edge example.
 *
 * @module
 */

import { type Command, parseArguments } from "../../../cli/arguments.ts";
import { tokenizeCommand } from "../../../cli/commands/tokenize.ts";
import { LOADING } from "../../../cli/options.ts";
import { dtypesOf, gridOf } from "../../../cli/tokens.ts";
import { type Bytes, concat, latin1, type Mutate } from "../mutations/bytes.ts";
import { mutateForm } from "../mutations/form.ts";
import { mutateJson } from "../mutations/json.ts";
import { fixture, once, type Target } from "./target.ts";

/** One command with the options of all commands. */
const COMMAND: Command = {
  summary: "",
  usage: "tokenize MODEL PICTURE... -o TOKENS.npz",
  operands: ["MODEL", "PICTURE"],
  repeats: true,
  options: ["output", "side-by-side", "height", "width", "size", "tune", "rounds", "grid", "range", ...LOADING],
  own: tokenizeCommand.own,
  run: () => Promise.resolve(),
};

const ARGUMENTS = [
  ["owner/model", "a.png", "b.png", "-o", "tokens.npz", "--dtype", "float16,int64", "--height", "256"],
  ["directory", "a.png", "--output=-", "--range", "-1,1", "--grid=16x24", "--device=wasm", "--threads", "2"],
  ["owner/model", "a.png", "--subfolder", "vqvae", "--revision=main", "--variant", "fp16", "--size", "64", "--help"],
];

const BOUNDARY = "----a-boundary";

/** The command line, and both addresses of the edge example. */
export const requestTargets: readonly Target[] = [
  {
    name: "arguments",
    extension: "json",
    samples: once(() => ARGUMENTS.map(jsonOf)),
    mutate: mutateJson,
    // deno-lint-ignore require-await -- an error is a rejection
    async read(bytes) {
      const { options } = parseArguments(COMMAND, argumentsOf(bytes));
      dtypesOf(options.dtype);
      gridOf(options.grid);
    },
  },
  edgeTarget("tokens", `multipart/form-data; boundary=${BOUNDARY}`, once(() => [form()]), mutateForm),
  edgeTarget(
    "picture",
    "application/json",
    once(() => [jsonOf({ shape: [1, 2, 3], indices: [1, 2, 3, 4, 5, 6] })]),
    mutateJson,
  ),
];

/** Enough for a folder full of pictures. Node's parser is quadratic in the number and the length of arguments. */
const MOST_ARGUMENTS = 5000;
/** Longer than any path. */
const LONGEST_ARGUMENT = 10_000;

/** The arguments in a JSON list of texts; of other text, what a shell would make of it. */
function argumentsOf(bytes: Bytes): string[] {
  const text = new TextDecoder().decode(bytes);
  try {
    const values = JSON.parse(text);
    if (Array.isArray(values)) return values.slice(0, MOST_ARGUMENTS).map(textOf);
  } catch {
    // It is damaged.
  }
  return text.split(" ", MOST_ARGUMENTS).map(textOf);
}

function textOf(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, LONGEST_ARGUMENT);
}

function edgeTarget(path: string, contentType: string, samples: () => readonly Bytes[], mutate: Mutate): Target {
  return {
    ...{ name: `edge/${path}`, extension: "txt", samples, mutate },
    async read(bytes) {
      const { default: edge } = await import("../../../examples/edge.ts");
      const headers = { "content-type": contentType };
      const request = new Request(`http://localhost/${path}`, { method: "POST", headers, body: bytes });
      const response = await edge.fetch(request);
      if (response.ok) return await response.bytes();
      const { error } = await response.json();
      if (response.status < 400 || response.status >= 500) throw new Error(`status ${response.status}: ${error}`);
      throw new TypeError(error);
    },
  };
}

function form(): Bytes {
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="note"\r\n\r\na note\r\n--${BOUNDARY}\r\n` +
    `content-disposition: form-data; name="file"; filename="picture.png"\r\ncontent-type: image/png\r\n\r\n`;
  return concat([latin1(head), fixture("pictures/golden/odd-iend-bad-crc.png"), latin1(`\r\n--${BOUNDARY}--\r\n`)]);
}

function jsonOf(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}
