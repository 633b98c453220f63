/** Models that other programs than Diffusers saved, and the command `convert`. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { toFileUrl } from "@std/path";
import { openLocalModel, writeSafetensors } from "../../hub/mod.ts";
import { llamagenShapes, magvitShapes, type Size, tamingShapes } from "../model/checkpoints/upstream.ts";
import { type Checkpoint, generate } from "../model/models.ts";
import { fail, inFolder, MODEL, PICTURE, SIZE, succeed } from "./command.ts";

const SMALL: Size = {
  in_channels: 3,
  out_ch: 3,
  ch: 32,
  ch_mult: [1, 1],
  num_res_blocks: 1,
  attention: [],
  middleAttention: true,
  z_channels: 4,
  embed_dim: 4,
  n_embed: 16,
};

const IBQ = "model:\n  class_path: src.IBQ.models.ibqgan.IBQ\n";

async function write(path: string, checkpoint: Checkpoint): Promise<void> {
  const tensors = [...checkpoint].map(([name, { shape, values }]) => ({ name, shape, dtype: "F32", data: values }));
  await writeSafetensors(path, tensors);
}

Deno.test("info says which family a checkpoint is of, its quantizer, and which tensors were ignored", async () => {
  await inFolder(async (path) => {
    await write(path("vq.safetensors"), generate(llamagenShapes(SMALL)));
    const described = await succeed("info", path("."));
    assertStringIncludes(described, "\npixel values  -1 to 1\nfamily        llamagen\n");
    assertStringIncludes(described, "\nquantizer     the nearest code by angle\n");
    assertStringIncludes(described, "\nignored       1 tensor: quantize.codebook_used\n");
    assertStringIncludes(described, "\nconfiguration\n  in_channels ");
  });
});

Deno.test("info shows the first names of many ignored tensors, without control characters", async () => {
  await inFolder(async (path) => {
    const others = Array.from({ length: 7 }, (_, i) => [`loss.${i}\x1b[2J`, [1]] as const);
    await write(path("vq.safetensors"), generate([...tamingShapes(SMALL), ...others]));
    assertMatch(
      await succeed("info", path("vq.safetensors")),
      /\nignored {7}7 tensors: loss\.0\\x1b\[2J, (.*, ){4}…\n/,
    );
  });
});

Deno.test("--file chooses one of several checkpoints, and MODEL may be the file itself", async () => {
  await inFolder(async (path) => {
    await write(path("one.safetensors"), generate(tamingShapes(SMALL)));
    await write(path("two.safetensors"), generate(tamingShapes({ ...SMALL, n_embed: 32 })));
    await Deno.writeTextFile(path("ibq.yaml"), IBQ);
    assertMatch(await fail(1, "info", path(".")), /one\.safetensors.*two\.safetensors/);
    const two = await succeed("info", path("."), "--file", "two.safetensors");
    assertStringIncludes(two, "codebook      32 codes of 4 numbers\n");
    assertEquals(await succeed("info", path("two.safetensors")), two);
    assertEquals(await succeed("info", toFileUrl(path("two.safetensors")).href), two);
    assertStringIncludes(
      await succeed("info", path("one.safetensors"), "--config", path("ibq.yaml")),
      "quantizer     the code of the greatest inner product\n",
    );
  });
});

Deno.test("options for directories are refused with a file, and --config with a directory", async () => {
  for (const name of ["subfolder", "variant", "file"]) {
    const message = await fail(2, "info", "owner/name/vq.ckpt", `--${name}`, "x");
    assertStringIncludes(message, `--${name} is for directories and repositories, found "owner/name/vq.ckpt"`);
  }
  assertStringIncludes(await fail(2, "info", MODEL, "--config", "x.yaml"), "--config is for files, found");
  assertStringIncludes(await fail(1, "info", "no/such/vq.ckpt", "--revision", "../x"), "Cannot use revision");
});

/** The tokens of a picture. */
async function tokensOf(model: string): Promise<number[]> {
  return JSON.parse(await succeed("tokenize", model, PICTURE, ...SIZE, "-o", "-", "--device=wasm")).indices;
}

Deno.test("tokenize needs no decoder of a model, and detokenize no encoder", async () => {
  await inFolder(async (path) => {
    const { weights } = await openLocalModel(MODEL);
    const only = { encoder: /^(decoder|post_quant_conv)\./, decoder: /^(encoder|quant_conv)\./ };
    for (const [half, others] of Object.entries(only)) {
      await Deno.mkdir(path(half));
      await Deno.copyFile(`${MODEL}/config.json`, path(`${half}/config.json`));
      const tensors = [...weights.tensors].filter(([name]) => !others.test(name)).map(([name, { shape }]) => {
        return { name, shape, dtype: "F32", data: () => weights.read(name) };
      });
      await writeSafetensors(path(`${half}/diffusion_pytorch_model.safetensors`), tensors);
    }
    await weights.close();
    await succeed("tokenize", path("encoder"), PICTURE, ...SIZE, "-o", path("tokens.npy"));
    await succeed("detokenize", path("decoder"), path("tokens.npy"), "-o", path("decoded.png"));
    await succeed("reconstruct", MODEL, PICTURE, ...SIZE, "-o", path("reconstructed.png"));
    assertEquals(await Deno.readFile(path("decoded.png")), await Deno.readFile(path("reconstructed.png")));
    assertStringIncludes(await fail(1, "reconstruct", path("encoder"), PICTURE), "missing: post_quant_conv.weight");
  });
});

Deno.test("convert saves a model that computes the same", async () => {
  await inFolder(async (path) => {
    await write(path("last.safetensors"), generate(tamingShapes(SMALL)));
    for (const [model, from] of [[MODEL, ""], [path("last.safetensors"), ", converted from taming"]]) {
      const saved = path("deeper/saved");
      assertEquals(await succeed("convert", model, "-o", saved), `Wrote ${saved}${from}\n`);
      const files = [...Deno.readDirSync(saved)].map(({ name }) => name).sort();
      assertEquals(files, ["config.json", "diffusion_pytorch_model.safetensors"]);
      assertEquals(await tokensOf(saved), await tokensOf(model));
      assertStringIncludes(await succeed("info", saved), "\n\nconfig.json\n");
    }
  });
});

Deno.test("convert writes into directories only, and nothing of a model that Diffusers cannot compute", async () => {
  assertMatch(await fail(1, "convert", MODEL, "-o", PICTURE), /Cannot write to .*: expected a directory, found a file/);
  await inFolder(async (path) => {
    const levels = { ch_mult: [1, 2], num_res_blocks: [1, 2] };
    await write(path("vq.safetensors"), generate(magvitShapes(SMALL, { encoder: levels, decoder: levels })));
    const message = await fail(1, "convert", path("vq.safetensors"), "-o", path("saved"));
    assertMatch(message, /\(magvit-v2\) has levels of 1, 2 resnets in the encoder/);
    assertEquals([...Deno.readDirSync(path("."))].map(({ name }) => name), ["vq.safetensors"]);
  });
});
