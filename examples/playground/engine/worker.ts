/**
 * The worker of the page, where models compute, so that the page stays responsive.
 *
 * @module
 */

import { serveModel } from "../../../mod.ts";

serveModel();
