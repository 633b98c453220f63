/**
 * What is used of `@nats-io/transport-node`, loaded on first use. It is CommonJS: of a dynamic import of the package itself,
 * bundlers that split code make one without names.
 *
 * @module
 */

export { connect, credsAuthenticator } from "@nats-io/transport-node";
