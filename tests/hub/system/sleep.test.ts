import { assertRejects } from "@std/assert";
import { sleep } from "../../../hub/system/sleep.ts";

Deno.test("sleep rejects with the reason of the signal", async () => {
  const abort = new AbortController();
  const sleeping = sleep(60_000, abort.signal);
  abort.abort(new Error("up"));
  await assertRejects(() => sleeping, Error, "up");
  await assertRejects(() => sleep(60_000, abort.signal), Error, "up");
});
