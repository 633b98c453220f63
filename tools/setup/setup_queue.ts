/** Makes sure that there is a NATS server for the tests of queues. */
import { provide } from "./apt.ts";

await provide("queue server", {
  isThere: async () =>
    await new Deno.Command("nats-server", { args: ["--version"] }).output().then(({ success }) => success, () => false),
  debian: "nats-server",
  help: `found no nats-server, which the tests start.
  Debian     apt-get install nats-server
  macOS      brew install nats-server
  elsewhere  put nats-server on the PATH, see https://docs.nats.io`,
});
