/** What gets its final name by a rename is on the disk with that name when the call returns, as far as the system can tell. */
import { assert, assertEquals } from "@std/assert";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "@std/path";
import { folderSink, tokenizeDataset } from "../../../datasets/mod.ts";
import { exchangeModel } from "../../../hub/models/exchange.ts";
import { openTextStore } from "../../../hub/mod.ts";
import { replace, writeAtomically } from "../../../hub/system/atomic_write.ts";
import { VQModel } from "../../../mod.ts";
import { withFolder } from "../../support/folders.ts";
import { repository } from "../../support/paths.ts";
import { testOnUnix } from "../../support/systems.ts";

/** The names that a folder had when it was last synchronized during a call. */
async function syncedIn(folder: string, call: () => Promise<unknown>): Promise<string[] | undefined> {
  let names: string[] | undefined;
  const handle = await open(Deno.execPath(), "r");
  await handle.close();
  const prototype = Object.getPrototypeOf(handle) as { sync: (this: FileHandle) => Promise<void> };
  const { sync } = prototype;
  prototype.sync = async function () {
    const there = await stat(folder).catch(() => undefined);
    if (there?.ino === (await this.stat()).ino) names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    await sync.call(this);
  };
  try {
    await call();
  } finally {
    prototype.sync = sync;
  }
  return names;
}

testOnUnix("folders are synchronized after a file got its final name", async () => {
  using model = await VQModel.fromPretrained(repository("examples/models/leaves-f4"), { device: "wasm", threads: 1 });
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    const calls: Record<string, () => Promise<unknown>> = {
      "a.txt": () => writeAtomically(at("a.txt"), "a"),
      "b.txt": () => replace(at("b.txt"), (temporary) => Deno.writeTextFile(temporary, "b")),
      "config.json": () =>
        exchangeModel(folder, (stage) => Deno.writeTextFile(join(stage, "config.json"), "{}"), () => false),
    };
    for (const [name, call] of Object.entries(calls)) assert((await syncedIn(folder, call))?.includes(name), name);
    assertEquals(await syncedIn(at(".vqmodel"), () => openTextStore(folder)!.write("c", "{}")), ["c.json"]);

    const source = { shards: [{ name: "000000", async *open() {} }] };
    const names = await syncedIn(at("out"), () => tokenizeDataset(model, source, folderSink(at("out"))));
    assertEquals(names!.filter((name) => !name.startsWith(".")).sort(), ["000000.tar", "manifest.json"]);
  });
});
