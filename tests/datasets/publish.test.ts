/** Files that are whole or not there. */
import { clearImmediate, setImmediate } from "node:timers";
import { assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { publish } from "../../datasets/output/publish.ts";
import { withFolder } from "../support/folders.ts";

Deno.test("small chunks are written together, since an engine may keep the event loop busy between two writes", async () => {
  await withFolder(async (folder) => {
    let turns = 0;
    let next = setImmediate(function count() {
      turns++;
      next = setImmediate(count);
    });
    let turnsBetween = 0;
    async function* content() {
      const before = turns;
      for (let i = 0; i < 1000; i++) yield await Promise.resolve(Uint8Array.of(i, i >> 8));
      turnsBetween = turns - before;
    }
    const { bytes } = await publish(join(folder, "file"), content(), folder);
    clearImmediate(next);
    const written = new Uint16Array((await Deno.readFile(join(folder, "file"))).buffer);
    assertEquals([bytes, ...written], [2000, ...Array(1000).keys()]);
    assertLess(turnsBetween, 10);
  });
});
