/**
 * Reads still AVIF pictures, decoded to eight bits by libavif.
 *
 * The decoder is @jsquash/avif's, libavif in WebAssembly. The boxes with size and orientation are read here first, so
 * that a picture which is too large is refused before it is decoded.
 *
 * @module
 */

import createDecoder from "@jsquash/avif/codec/dec/avif_dec.js";
import { show } from "../../../../hub/show.ts";
import type { Cost } from "../cost.ts";
import type { Raster } from "../../raster/raster.ts";
import { AVIF_WASM } from "./wasm.gen.ts";
import { type DecodedPicture, decodeWith, opaque } from "../emscripten.ts";
import { cannotDecode } from "../errors.ts";

interface Box {
  readonly type: string;
  readonly data: DataView;
}

/** Properties of the primary picture. */
export interface AvifHeaders {
  readonly width: number;
  readonly height: number;
  /** EXIF orientation, computed from the `irot` and `imir` boxes: like PIL, this ignores the EXIF block. */
  readonly orientation: number;
  readonly cost: Cost;
}

/**
 * EXIF orientations by counterclockwise quarter turns: not mirrored, mirrored top to bottom, mirrored left to right.
 */
const ORIENTATIONS = [[1, 4, 2], [8, 5, 7], [3, 2, 4], [6, 7, 5]];

/** Limit of the decoder's memory, in bytes: a damaged file can ask for more than its size needs. */
const BASE_MEMORY = 2 ** 26;
const MEMORY_PER_PIXEL = 160;

/** The primary picture, before its orientation is applied. Drops alpha and rounds deeper samples to eight bits. */
export async function decodeAvif(bytes: Uint8Array, { width, height }: AvifHeaders): Promise<Raster> {
  let decoded: DecodedPicture | null;
  try {
    const maxMemory = BASE_MEMORY + MEMORY_PER_PIXEL * width * height;
    decoded = await decodeWith({ create: createDecoder, wasm: AVIF_WASM, maxMemory, options: [8] }, bytes);
  } catch (cause) {
    throw cannotDecode("the data of this AVIF are damaged", cause);
  }
  if (!decoded) throw cannotDecode("the data of this AVIF are damaged or cut short");
  if (decoded.width !== width || decoded.height !== height) {
    throw cannotDecode(`this AVIF states ${width}×${height} pixels and holds ${decoded.width}×${decoded.height}`);
  }
  return { width, height, data: opaque(decoded) };
}

/** Reads the properties of the primary picture from the boxes. */
export function readAvif(bytes: Uint8Array): AvifHeaders {
  try {
    return readPrimary(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw cannotDecode(`this AVIF is damaged or cut short after ${bytes.length} bytes`, cause);
    }
    throw cause;
  }
}

/** Reads the properties of the primary item. A `DataView` throws a `RangeError` where a box is cut short. */
function readPrimary(file: DataView): AvifHeaders {
  const meta = inside(file, "meta", 4);
  const item = inside(meta, "pitm");
  const id = item.getUint8(0) === 0 ? item.getUint16(4) : item.getUint32(4);
  const properties = inside(meta, "iprp");
  const all = [...boxes(inside(properties, "ipco"))];

  let size: DataView | undefined, turns = 0, axis: number | undefined;
  for (const index of associations(inside(properties, "ipma"), id)) {
    const property = all[index - 1];
    if (property?.type === "ispe") size ??= property.data;
    if (property?.type === "irot") turns = property.data.getUint8(0) & 3;
    if (property?.type === "imir") axis = property.data.getUint8(0) & 1;
  }
  if (!size) throw cannotDecode("this AVIF states no size");
  const [width, height] = [size.getUint32(4), size.getUint32(8)];
  if (width === 0 || height === 0) throw cannotDecode(`this AVIF states a size of ${width}×${height} pixels`);
  return {
    width,
    height,
    orientation: ORIENTATIONS[turns][axis === undefined ? 0 : 1 + axis],
    cost: {
      memory: 60e6 + 24 * width * height,
      time: 400e6 + 180 * width * height + 700 * file.byteLength,
    },
  };
}

/** The content of the first box of a type, after `skipped` bytes. */
function inside(parent: DataView, type: string, skipped = 0): DataView {
  for (const box of boxes(parent)) {
    if (box.type === type) {
      return new DataView(box.data.buffer, box.data.byteOffset + skipped, box.data.byteLength - skipped);
    }
  }
  throw cannotDecode(`this AVIF has no ${JSON.stringify(type)} box`);
}

function* boxes(parent: DataView): Generator<Box> {
  for (let offset = 0; offset < parent.byteLength;) {
    const short = parent.getUint32(offset);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((at) => parent.getUint8(offset + at)));
    const header = short === 1 ? 16 : 8;
    const size = short === 0
      ? parent.byteLength - offset
      : short === 1
      ? Number(parent.getBigUint64(offset + 8))
      : short;
    if (size < header) throw cannotDecode(`the ${show(type)} box of this AVIF is damaged`);
    yield {
      type,
      data: new DataView(
        parent.buffer,
        parent.byteOffset + offset + header,
        Math.min(size, parent.byteLength - offset) - header,
      ),
    };
    offset += size;
  }
}

/** Indices of an item's properties, starting at 1. */
function* associations(list: DataView, item: number): Generator<number> {
  const wideItems = list.getUint8(0) > 0, wideIndices = (list.getUint8(3) & 1) !== 0;
  let offset = 8;
  for (let entry = list.getUint32(4); entry > 0; entry--) {
    const id = wideItems ? list.getUint32(offset) : list.getUint16(offset);
    offset += wideItems ? 4 : 2;
    for (let count = list.getUint8(offset++); count > 0; count--) {
      const index = wideIndices ? list.getUint16(offset) & 0x7fff : list.getUint8(offset) & 0x7f;
      offset += wideIndices ? 2 : 1;
      if (id === item) yield index;
    }
  }
}
