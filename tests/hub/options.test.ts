/** Unknown options of the functions that open, save and push models. */
import { assertRejects } from "@std/assert";
import { openHubModel, openLocalModel, openModel, openSingleFile, pushToHub, saveLocalModel } from "../../hub/mod.ts";

Deno.test("opening, saving and pushing refuse unknown options before they do anything", async () => {
  const calls: [() => Promise<unknown>, string][] = [
    [() => openModel("owner/name", { cache_dir: "/none" } as object), 'did you mean "cacheDir"?'],
    [() => openModel("./none", { local_files_only: true } as object), 'did you mean "localFilesOnly"?'],
    [() => openHubModel("owner/name", { hubURL: "none" } as object), 'did you mean "hubUrl"?'],
    [() => openLocalModel("./none", { sub_folder: "vqvae" } as object), 'did you mean "subfolder"?'],
    [() => saveLocalModel("./none", "{}", [], { max_shard_size: "5GB" } as object), 'did you mean "maxShardSize"?'],
    [() => pushToHub("owner/name", "./none", { commit_message: "Try" } as object), 'did you mean "commitMessage"?'],
  ];
  for (const [call, message] of calls) await assertRejects(call, TypeError, message);
});

Deno.test("opening a half that is none is refused before any request", async () => {
  for (const only of ["both", null] as never[]) {
    const message = 'expected only to be "encoder" or "decoder"';
    await assertRejects(() => openModel("./none", { only }), TypeError, message);
    await assertRejects(() => openHubModel("owner/name", { only, hubUrl: "http://127.0.0.1:1" }), TypeError, message);
    await assertRejects(() => openLocalModel("./none", { only }), TypeError, message);
    await assertRejects(() => openSingleFile("./none.ckpt", { only }), TypeError, message);
  }
});
