/**
 * A worker that computes with one thread, beside others.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import { serveModel, type WorkerPort } from "../../mod.ts";

serveModel(parentPort as WorkerPort | null ?? undefined);
