/**
 * How requests are refused.
 *
 * @module
 */

/** A request that is not served, and why. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string, readonly headers: HeadersInit = {}) {
    super(message);
  }

  /** What the client is told. */
  toResponse(): Response {
    return Response.json({ error: this.message }, { status: this.status, headers: this.headers });
  }
}
