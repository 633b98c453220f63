/** A worker that serves models, and has messages of its own: it answers "hello", and throws at "throw". */
import { serveModel } from "../../../mod.ts";

serveModel();

const port = globalThis as unknown as MessagePort;
port.addEventListener("message", ({ data }) => {
  if (data === "hello") port.postMessage("hello");
  if (data === "throw") throw new Error("not caught");
});
