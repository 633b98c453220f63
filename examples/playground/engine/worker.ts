/**
 * The worker in which a model computes, so that the page stays responsive.
 *
 * @module
 */

import { serveModel } from "../../../mod.ts";

serveModel();
