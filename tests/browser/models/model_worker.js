/** The whole module of a page's worker: models are loaded in it. */
import { serveModel } from "../../../mod.ts";

serveModel();
