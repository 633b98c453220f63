/**
 * The quantizer's ops: nearest code, lookup, margin, straight-through, squared error.
 *
 * @module
 */

import type { CodeMargin, Lookup, NearestCode, SquaredError, StraightThrough } from "../../graph/graph.ts";
import { sizeOf } from "../../tensor/storage.ts";
import { padded, pixelsOf, storedSize } from "../memory/layout.ts";
import { Kind } from "../abi.ts";
import { blocksOf, type Context, type Lowering } from "./lowering.ts";

/** Maximum pixels per block of a search. */
const NEAREST_PIXELS = 64;
/** Maximum pixels per block of lookups and margins. */
const LOOKUP_PIXELS = 1024;
/** Maximum vectors per block of straight-through, and vectors per chunk of squared errors. */
const VECTORS = 8192;

/** Lowers a search for the nearest codes. */
export function lowerNearestCode(op: NearestCode, { threads, parameters }: Context): Lowering {
  const pixels = pixelsOf(op.x.shape);
  const { codes, channels } = op.codebook;
  const blocks = blocksOf(Math.ceil(pixels / 4), NEAREST_PIXELS / 4, threads);
  return {
    temporary: 0,
    workspace: 0,
    jobs: (at) => [{
      kind: Kind.NearestCode,
      blocks,
      fields: {
        x: at.of(op.x),
        codebook: parameters.get(op.codebook).weight,
        y: at.of(op),
        pixels,
        codes,
        channels,
        stored: padded(channels),
        none: op.none,
        product: op.metric === "product" ? 1 : 0,
        second: op.second ? 1 : 0,
        blocks,
      },
    }],
  };
}

/** Lowers a lookup. */
export function lowerLookup(op: Lookup, { threads, parameters }: Context): Lowering {
  const pixels = pixelsOf(op.indices.shape);
  const { codes, channels } = op.codebook;
  const blocks = blocksOf(pixels, LOOKUP_PIXELS, threads);
  return {
    temporary: 0,
    workspace: 0,
    jobs: (at) => [{
      kind: Kind.Lookup,
      blocks,
      fields: {
        indices: at.of(op.indices),
        codebook: parameters.get(op.codebook).weight,
        y: at.of(op),
        pixels,
        codes,
        channels,
        stored: padded(channels),
        blocks,
      },
    }],
  };
}

/** Lowers the margins between the two nearest codes. */
export function lowerCodeMargin(op: CodeMargin, { threads }: Context): Lowering {
  const pixels = pixelsOf(op.x.shape);
  const [, channels] = op.x.shape;
  const blocks = blocksOf(pixels, LOOKUP_PIXELS, threads);
  return {
    temporary: 0,
    workspace: 0,
    jobs: (at) => [{
      kind: Kind.CodeMargin,
      blocks,
      fields: {
        x: at.of(op.x),
        indices: at.of(op.indices),
        codes: at.of(op.codes),
        y: at.of(op),
        pixels,
        channels,
        stored: padded(channels),
        product: op.metric === "product" ? 1 : 0,
        blocks,
      },
    }],
  };
}

/** Lowers `x + (code - x)`. */
export function lowerStraightThrough(op: StraightThrough, { threads }: Context): Lowering {
  const vectors = storedSize(op.shape) / 4;
  const blocks = blocksOf(vectors, VECTORS, threads);
  return {
    temporary: 0,
    workspace: 0,
    jobs: (at) => [{
      kind: Kind.StraightThrough,
      blocks,
      fields: { x: at.of(op.x), code: at.of(op.code), y: at.of(op), vectors, blocks },
    }],
  };
}

/** Lowers a mean of squared differences. */
export function lowerSquaredError(op: SquaredError): Lowering {
  const vectors = storedSize(op.x.shape) / 4;
  const chunks = Math.ceil(vectors / VECTORS);
  return {
    temporary: 8 * chunks,
    workspace: 0,
    jobs: (at) => {
      const fields = {
        x: at.of(op.x),
        code: at.of(op.code),
        y: at.of(op),
        sums: at.temporary,
        vectors,
        chunk: VECTORS,
        chunks,
        values: sizeOf(op.x.shape),
        factor: op.factor,
      };
      return [
        { kind: Kind.SquaredError, blocks: chunks, fields },
        { kind: Kind.SquaredErrorFold, blocks: 1, fields },
      ];
    },
  };
}
