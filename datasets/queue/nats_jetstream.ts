/**
 * What is used of `@nats-io/jetstream`, loaded on first use; see nats_transport.ts.
 *
 * @module
 */

export { AckPolicy, DiscardPolicy, jetstream, jetstreamManager, RetentionPolicy } from "@nats-io/jetstream";
