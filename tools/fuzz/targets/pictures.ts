/**
 * Picture files.
 *
 * @module
 */

import { ImageProcessor } from "../../../mod.ts";
import { type Mutate, mutateBytes } from "../mutations/bytes.ts";
import { mutateIso } from "../mutations/iso.ts";
import { mutateJpeg } from "../mutations/jpeg.ts";
import { mutatePng } from "../mutations/png.ts";
import { mutateRiff } from "../mutations/riff.ts";
import { mutateTiff } from "../mutations/tiff.ts";
import { fixtures, type Target } from "./target.ts";

/** Limit of the pixels that a picture may state, so that a valid one takes little time and memory. */
const MAX_PIXELS = 2 ** 20;

const FOLDERS = ["pictures", "pictures/formats", "pictures/golden"];

const processor = new ImageProcessor({ maxPixels: MAX_PIXELS });

const MUTATIONS: Readonly<Record<string, Mutate>> = {
  png: mutatePng,
  jpg: mutateJpeg,
  webp: mutateRiff,
  gif: mutateBytes,
  bmp: mutateBytes,
  tif: mutateTiff,
  avif: mutateIso,
};

/** One for each format. */
export const pictureTargets: readonly Target[] = Object.entries(MUTATIONS).map(([extension, mutate]) => ({
  name: `picture/${extension}`,
  extension,
  samples: fixtures(`.${extension}`, ...FOLDERS),
  mutate,
  async read(bytes) {
    using _sample = await processor.preprocess(bytes, { height: 8, width: 8 });
  },
}));
