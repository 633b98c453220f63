// Entry of the module for work on pixels; see ../module.ts for its interface.
export { clipGrayPixels, copyPixels, lookUpPixels, unfilterRows } from "./png";
export { resampleColumns, resampleRows } from "./resample";
