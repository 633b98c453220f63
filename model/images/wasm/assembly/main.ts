// The library's work on pixels; see ../module.ts for what the host sees.
export { resampleColumns, resampleRows } from "./resample";
