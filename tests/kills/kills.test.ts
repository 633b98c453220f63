/**
 * Processes that are killed while they write: whatever the moment, nothing is left that loads wrongly. Every process is
 * killed once; `KILLS` says how many there are in all, `SEED` when they are killed.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { HubError, openHubModel, openLocalModel } from "../../hub/mod.ts";
import { decodePicture, readTokens } from "../../mod.ts";
import { type Place, preparePlace, REPO, tree } from "../hub/hub_fixture.ts";
import { random } from "./random.ts";
import { KINDS, saveNumbered, SIDES } from "./write_until_killed.ts";
import { repository } from "../support/paths.ts";
import { IMPORT_MAP, startDeno } from "../support/processes.ts";
import { testOnUnix } from "../support/systems.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? 24);
const LONGEST = 40; // milliseconds: several rounds of every writer
const WRITER = repository("tests/kills/write_until_killed.ts");

/** Lets a process write for a moment. */
async function killWriter(kind: string, folder: string, hubUrl: string): Promise<void> {
  const child = startDeno(["run", "-A", "--quiet", "--no-check", IMPORT_MAP, WRITER, kind, folder, hubUrl], {
    stderr: "inherit",
  });
  const began = child.stdout.getReader();
  assert(!(await began.read()).done, `${kind}: the process ended by itself`);
  await new Promise((resolve) => setTimeout(resolve, random() * LONGEST));
  child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL");
  await began.cancel();
}

/** The dead process' locks, as if the seconds had passed after which they are taken over. */
async function forgetLocks(folder: string): Promise<void> {
  for (const path of tree(folder)) if (path.endsWith(".lock")) await Deno.remove(join(folder, path));
}

/** A directory holds one model, or is refused with a sentence that says why. */
async function checkDirectory(folder: string): Promise<void> {
  try {
    const { config, weights } = await openLocalModel(folder);
    const { number } = config as { number: number };
    assertEquals(weights.tensors.size, 3 + number % 3);
    for (const name of weights.tensors.keys()) {
      assertEquals(await weights.read(name), new Float32Array(1000).fill(number));
    }
    await weights.close();
  } catch (error) {
    if (!(error instanceof HubError && error.message.includes("saving a model here was interrupted"))) throw error;
  }
}

/** The next save leaves nothing but its own files. */
async function checkNextSave(folder: string): Promise<void> {
  await forgetLocks(folder);
  await saveNumbered(folder, 3, false);
  assertEquals(tree(folder), ["config.json", "diffusion_pytorch_model.safetensors"]);
}

/** What every download left can be completed, and loads only if it is right. */
async function checkCaches(folder: string, { hub, load }: Place): Promise<void> {
  for (const { name } of [...Deno.readDirSync(folder)]) {
    const cacheDir = join(folder, name);
    await forgetLocks(cacheDir);
    const options = { cacheDir, hubUrl: hub.url, token: "" };
    const offline = await openHubModel(REPO, { ...options, localFilesOnly: true }).catch(() => undefined);
    await offline?.weights.close();
    if (offline) await load({ cacheDir, localFilesOnly: true });
    await load({ cacheDir });
    assertEquals(tree(cacheDir).filter((path) => /incomplete|lock/.test(path)), []);
    await Deno.remove(cacheDir, { recursive: true });
  }
}

async function checkPicture(folder: string): Promise<void> {
  const { width, data } = await decodePicture(await Deno.readFile(join(folder, "picture.png")));
  assert(SIDES.includes(width) && data.length === width * width * 4 && data.every((value) => value === 255));
}

async function checkTokens(folder: string): Promise<void> {
  const { indices, shape: [, height, width] } = await readTokens(join(folder, "tokens.safetensors"));
  assert(SIDES.includes(width) && width === height && indices.length === width * width);
  assertEquals(indices, new Int32Array(width * width).fill(width));
}

for (const [i, kind] of KINDS.entries()) {
  testOnUnix(`a process that is killed while it writes ${kind} leaves nothing that loads wrongly`, async () => {
    await using place = await preparePlace();
    place.hub.fault = ({ server }) => server === "storage" ? { drip: { bytes: 40_000, pause: 1 } } : undefined;
    const folder = join(place.cacheDir, "written");
    await Deno.mkdir(folder);
    const kills = Math.floor((KILLS + i) / KINDS.length);
    for (let kill = 0; kill < kills; kill++) {
      await killWriter(kind, folder, place.hub.url);
      if (kind === "a download") await checkCaches(folder, place);
      else if (kind === "a picture") await checkPicture(folder);
      else if (kind === "a token file") await checkTokens(folder);
      else await checkDirectory(folder);
      await forgetLocks(folder);
    }
    if (kind.startsWith("a model")) await checkNextSave(folder);
  });
}
