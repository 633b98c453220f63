// The library's work on pixels; see ../module.ts for what the host sees.
export { clipGrayPixels, copyPixels, lookUpPixels, unfilterRows } from "./png";
export { resampleColumns, resampleRows } from "./resample";
