/**
 * Pictures: files, pixels, the tensors that models take, and maps of tokens. Knows no model.
 *
 * @module
 */

export { type DecodePictureOptions, MAX_PIXELS } from "./preparation/decode.ts";
export type { Crop, ResizeMode } from "./preparation/prepare.ts";
export type { Resample } from "./resizing/resample.ts";
export { decodePicture, type EncodeOptions, Picture, type PictureFormat, pictureFormatOf } from "./picture.ts";
export type { FloatArray, FloatPixels } from "./floats.ts";
export type { Drawable, FileSource, PictureSource, PixelData } from "./sources.ts";
export type { ImageProcessorOptions, PostprocessOptions, PreprocessOptions } from "./processor_options.ts";
export { ImageProcessor, type PictureModel, type ProcessorInput } from "./image_processor.ts";
export { sideBySide, tokenMap } from "./token_map.ts";
