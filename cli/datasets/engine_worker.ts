/**
 * A worker that computes with one thread, beside others.
 *
 * @module
 */

import { serveModel } from "../../mod.ts";

serveModel();
