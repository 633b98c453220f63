/** Errors of loading a model from the Hub. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { HubError, type LoadOptions } from "../../../mod.ts";
import { REPO, tree } from "../../hub/hub_fixture.ts";
import { type Received, sha256 } from "../../hub/server.ts";
import { filesOf, placeWith, SAFETENSORS } from "./place.ts";

/** What an error says, everywhere it may say something. */
function everythingOf(error: unknown): string {
  const parts = [Deno.inspect(error, { depth: 10 }), String(error)];
  for (let cause = error; cause instanceof Error; cause = cause.cause) parts.push(cause.message, cause.stack ?? "");
  return parts.join("\n");
}

Deno.test("errors say which repository, what is wrong and what to do, and never the token", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { hub } = place;
  const repo = hub.repos[REPO];
  hub.tokens.push("hf_secret");
  const cases: [set: () => void, options: LoadOptions, status: number, ...parts: string[]][] = [
    [() => repo.gatedTo = "hf_good", {}, 401, "it is gated", `licence at ${hub.url}/${REPO}; then pass a token`],
    [() => {}, { token: "hf_secret" }, 403, "it is gated", "the token from the option token has not been let in"],
    [() => repo.privateTo = "hf_good", {}, 401, "Check its spelling", "if it is private, pass a token"],
    [() => {}, { token: "hf_secret" }, 404, "Check its spelling", "the option token must be allowed to read it"],
    [() => hub.tokens.pop(), { token: "hf_secret" }, 401, "the token from the option token is not valid"],
    [
      () => {
        delete repo.gatedTo;
        delete repo.privateTo;
      },
      { token: "hf_good", revision: "v9" },
      404,
      'it has no branch, tag or commit "v9"',
    ],
    [() => {}, { token: "hf_good", subfolder: "vqvae" }, 404, "holds no such file or folder: vqvae"],
  ];
  for (const [set, options, status, ...parts] of cases) {
    set();
    const error = await assertRejects(() => place.load(options), HubError);
    for (const part of [REPO, ...parts]) assertStringIncludes(error.message, part);
    assertEquals(error.status, status, error.message);
    assert(error.url?.startsWith(hub.url), error.url);
    if (options.token) assert(!everythingOf(error).includes(options.token), everythingOf(error));
  }
  assertEquals(tree(place.cacheDir).filter((path) => !path.endsWith(".incomplete")), [], "nothing came of it");

  hub.fault = () => ({ status: 503, headers: { "retry-after": "86400" } });
  const unwell = await assertRejects(() => place.load({ token: "hf_good" }), HubError, `${REPO} (status 503)`);
  assert(!everythingOf(unwell).includes("hf_good"), everythingOf(unwell));
});

Deno.test("wrong bytes are an error, and the cache does not keep them", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { bytes } = filesOf("tiny-f4")[SAFETENSORS];
  const wrong = bytes.slice();
  wrong[wrong.length - 1] ^= 1;
  place.hub.fault = ({ server }: Received) => server === "storage" ? { body: wrong } : undefined;
  const error = await assertRejects(() => place.load(), HubError, "owner/name: expected sha256");
  assertInstanceOf(error, HubError);
  assertEquals(tree(place.cacheDir).filter((path) => path.includes(SAFETENSORS) || path.includes(sha256(bytes))), []);
});
