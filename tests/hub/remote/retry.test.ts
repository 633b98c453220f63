import { assert, assertEquals, assertRejects } from "@std/assert";
import { HubError } from "../../../hub/mod.ts";
import { retryAfter, UnreachableError, type UnreachableOptions, withRetries } from "../../../hub/remote/retry.ts";

/** Fails a number of times, at once each time. */
function failing(times: number, options: UnreachableOptions = {}) {
  let attempts = 0;
  return () => {
    if (++attempts > times) return Promise.resolve(attempts);
    return Promise.reject(new UnreachableError(`failure ${attempts}`, { retryAfter: 0, ...options }));
  };
}

Deno.test("withRetries retries five failures in a row, and throws the sixth", async () => {
  assertEquals(await withRetries(failing(5)), 6);
  await assertRejects(() => withRetries(failing(6)), HubError, "failure 6");
  await assertRejects(() => withRetries(failing(2), { retries: 1 }), HubError, "failure 2");
  await assertRejects(() => withRetries(failing(3, { retries: 2 })), HubError, "failure 3");
});

Deno.test("withRetries resets its count on progress", async () => {
  const attempt = failing(20);
  assertEquals(
    await withRetries((progressed) => {
      progressed();
      return attempt();
    }),
    21,
  );
});

Deno.test("withRetries throws at once what a retry cannot fix", async () => {
  let attempts = 0;
  const attempt = (error: Error) => () => (attempts++, Promise.reject(error));
  await assertRejects(() => withRetries(attempt(new HubError("gated"))), HubError, "gated");
  await assertRejects(() => withRetries(attempt(new UnreachableError("no", { retryAfter: Infinity }))), HubError, "no");
  assertEquals(attempts, 2);
});

Deno.test("Retry-After contains seconds or a date", () => {
  const parse = (value?: string) => retryAfter(new Headers(value === undefined ? {} : { "retry-after": value }));
  assertEquals(parse("3"), 3000);
  assertEquals(parse("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
  const soon = parse(new Date(Date.now() + 10_000).toUTCString())!;
  assert(soon > 8_000 && soon <= 10_000);
  for (const value of [undefined, "", "soon"]) assertEquals(parse(value), undefined);
});
