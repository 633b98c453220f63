import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LockLostError, withLock } from "../../../hub/cache/lock.ts";
import { withFolder } from "../../support/folders.ts";

const LONG_AGO = new Date(Date.now() - 60_000);

Deno.test("anything at the path of a lock that does not change counts as the lock of a dead process", () =>
  withFolder(async (folder) => {
    const places: Record<string, (path: string) => void> = {
      "a file": (path) => Deno.writeTextFileSync(path, ""),
      "a link that leads nowhere": (path) => Deno.symlinkSync(join(folder, "nowhere"), path, { type: "file" }),
      "a folder with a file": (path) => {
        Deno.mkdirSync(path);
        Deno.writeTextFileSync(join(path, "file"), "");
      },
    };
    await Promise.all(
      Object.entries(places).map(async ([name, make]) => {
        const path = join(folder, name);
        make(path);
        if (!name.includes("link")) Deno.utimeSync(path, LONG_AGO, LONG_AGO);
        assertEquals(await withLock(path, () => Promise.resolve("done")), "done");
      }),
    );
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a lock has one holder at a time", () =>
  withFolder(async (folder) => {
    let holders = 0;
    await Promise.all([1, 2, 3].map(() =>
      withLock(join(folder, "lock"), async () => {
        assertEquals(++holders, 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        holders--;
      })
    ));
  }));

Deno.test("a holder whose lock was taken over gets an abort signal, and does not remove the lock", () =>
  withFolder(async (folder) => {
    const path = join(folder, "lock");
    await assertRejects(() =>
      withLock(path, async (lost) => {
        await Deno.writeTextFile(path, "another holder");
        await new Promise((resolve) => lost.addEventListener("abort", resolve));
        lost.throwIfAborted();
      }), LockLostError);
    assertEquals(await Deno.readTextFile(path), "another holder");

    await Deno.remove(path);
    const error = await assertRejects(() =>
      withLock(path, async () => {
        await Deno.remove(path);
        throw new Error("no such file");
      }), LockLostError);
    assert((error.cause as Error).message === "no such file");
  }));
