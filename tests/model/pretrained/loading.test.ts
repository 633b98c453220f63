/** What is loaded from a repository of the Hub, by way of the public API. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HubError, WeightsError } from "../../../mod.ts";
import { REPO } from "../../hub/hub_fixture.ts";
import { COMMIT } from "../../hub/server.ts";
import { loadGolden } from "../../support/golden.ts";
import { assertComputes, asVariant, bytesSent, filesOf, jsonFile, OTHER, placeWith, SAFETENSORS } from "./place.ts";
import { DEVICES } from "../../support/engines.ts";

for (const device of DEVICES) {
  for (const name of ["tiny-f4", "tiny-movq", "tiny-sharded", "tiny-bin"]) {
    Deno.test(`${name} from a repository computes on ${device} what Diffusers does`, async () => {
      await using place = await placeWith(filesOf(name));
      using model = await place.load({ device, threads: undefined });
      assertEquals(model.device, device);
      await assertComputes(model, loadGolden(name));
    });
  }
}

Deno.test("the float16 variant of a repository computes what Diffusers does", async () => {
  await using place = await placeWith({
    ...filesOf("tiny-f4"),
    ...filesOf("tiny-f16", { rename: asVariant }),
  });
  using model = await place.load({ variant: "fp16" });
  await assertComputes(model, loadGolden("tiny-f16"));
  assertEquals(place.hub.downloads().length, 2, "the configuration and one file of weights are fetched");
});

Deno.test("a repository with nothing but a variant is an error that names the variant", async () => {
  await using place = await placeWith(filesOf("tiny-f16", { rename: asVariant }));
  const { message } = await assertRejects(() => place.load(), WeightsError);
  assertStringIncludes(message, "Cannot load owner/name: expected diffusion_pytorch_model.safetensors");
  assertStringIncludes(message, 'found only variant "fp16" (pass variant: "fp16")');
});

Deno.test("a model in a subfolder is loaded, and nothing beside it", async () => {
  await using place = await placeWith({
    ...filesOf("tiny-f4"),
    ...filesOf("tiny-amused", { folder: "vqvae/" }),
    "README.md": jsonFile("about"),
  });
  using model = await place.load({ subfolder: "vqvae" });
  await assertComputes(model, loadGolden("tiny-amused"));
  const files = place.hub.downloads().filter(({ server }) => server === "hub").map(({ path }) => path);
  assertEquals(files, [`/${REPO}/resolve/${COMMIT}/vqvae/config.json`]);
  assertEquals(bytesSent(place.hub), filesOf("tiny-amused")[SAFETENSORS].bytes.length);
});

Deno.test("the one VQModel of a pipeline is found, and of two none is guessed", async () => {
  const pipeline = { _class_name: "Pipeline", movq: ["diffusers", "VQModel"], unet: ["diffusers", "UNet2DModel"] };
  await using place = await placeWith({
    "model_index.json": jsonFile(pipeline),
    "unet/config.json": jsonFile({ _class_name: "UNet2DModel" }),
    ...filesOf("tiny-movq", { folder: "movq/" }),
  });
  using model = await place.load();
  await assertComputes(model, loadGolden("tiny-movq"));

  const files = place.hub.repos[REPO].commits[COMMIT];
  place.hub.repos[REPO] = {
    commits: {
      [OTHER]: { ...files, "model_index.json": jsonFile({ ...pipeline, vqgan: ["diffusers", "VQModel"] }) },
    },
    refs: { main: OTHER },
  };
  const { message } = await assertRejects(() => place.load(), HubError);
  assertStringIncludes(message, `${REPO}: it is a pipeline with the VQModels "movq" and "vqgan"`);
  using named = await place.load({ subfolder: "movq" });
  assertEquals(named.config, model.config);
});

Deno.test("a branch, a tag, a commit and a pull request are each loaded as they are", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const repo = place.hub.repos[REPO];
  const commits = { "refs/pr/7": "tiny-bin", "v1.0": "tiny-amused", experiment: "tiny-sharded" };
  Object.entries(commits).forEach(([ref, golden], i) => {
    repo.refs[ref] = String(i + 1).repeat(40);
    repo.commits[repo.refs[ref]] = filesOf(golden);
  });
  for (const [revision, golden] of Object.entries({ main: "tiny-f4", ...commits })) {
    for (const asked of [revision, repo.refs[revision]]) {
      using model = await place.load({ revision: asked });
      await assertComputes(model, loadGolden(golden));
    }
  }
  using model = await place.load();
  await assertComputes(model, loadGolden("tiny-f4"));
});
