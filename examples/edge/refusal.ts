/**
 * Refused requests.
 *
 * @module
 */

/** The reason why a request is refused. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string, readonly headers: HeadersInit = {}) {
    super(message);
  }

  /** The response to the client. */
  toResponse(): Response {
    return Response.json({ error: this.message }, { status: this.status, headers: this.headers });
  }
}
