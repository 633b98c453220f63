/**
 * taming-transformers, and who keeps its names: latent diffusion, Chameleon, MoVQGAN, IBQ, Emu3.5.
 *
 * @module
 */

import { field } from "./configuration.ts";
import type { Family, Shapes } from "./family.ts";
import { renameParts } from "./names.ts";

/** Names count the decoder's levels from the finest, Diffusers' from the coarsest. */
export function renameTaming(name: string, levels: number): string {
  return renameParts(
    name
      .replace(/^encoder\.down\./, "encoder.down_blocks.")
      .replace(/^decoder\.up\.(\d+)\./, (_, level) => `decoder.up_blocks.${levels - 1 - Number(level)}.`),
  );
}

/** Whether the names are taming-transformers'. */
export function hasTamingNames(shapes: Shapes): boolean {
  return shapes.has("encoder.down.0.block.0.conv1.weight");
}

/** What a configuration calls the model's class, in lower case. */
function className(configuration: unknown): string {
  const names = ["target", "class_path"].map((key) => field(configuration, "model", key));
  return String(names.find((name) => typeof name === "string") ?? "").toLowerCase();
}

/** MoVQGAN, by its spatial norms. */
export const MOVQGAN: Family = {
  config: { name: "movqgan", quantizer: "nearest", pixel_range: "signed" },
  matches: (shapes) => hasTamingNames(shapes) && shapes.has("decoder.norm_out.conv_y.weight"),
  rename: renameTaming,
};

/** IBQ, which only its configuration tells from taming-transformers. */
export const IBQ: Family = {
  config: { name: "ibq", quantizer: "inner_product", pixel_range: "signed" },
  matches: (shapes, configuration) => hasTamingNames(shapes) && className(configuration).includes("ibq"),
  rename: renameTaming,
};

/** Emu3.5: IBQ, with a configuration that holds the arguments of the class and not its name. */
export const EMU: Family = {
  config: { name: "emu3.5", quantizer: "inner_product", pixel_range: "signed" },
  matches: (shapes, configuration) => hasTamingNames(shapes) && field(configuration, "ddconfig") !== undefined,
  rename: renameTaming,
};

/** Latent diffusion's first stages. */
export const LATENT_DIFFUSION: Family = {
  config: { name: "latent-diffusion", quantizer: "nearest", pixel_range: "signed" },
  matches: (shapes, configuration) => hasTamingNames(shapes) && className(configuration).startsWith("ldm."),
  rename: renameTaming,
};

/** taming-transformers, Chameleon. */
export const TAMING: Family = {
  config: { name: "taming", quantizer: "nearest", pixel_range: "signed" },
  matches: hasTamingNames,
  rename: renameTaming,
};
