/**
 * Keeps a picture up to date with tokens that change while it is decoded.
 *
 * @module
 */

import type { DecodedPicture, DecodeRequest, TokenGrid } from "./types.ts";

/** What a decoder needs. */
export interface LiveDecoderOptions {
  /** Decodes tokens. */
  decode(request: DecodeRequest, signal: AbortSignal): Promise<DecodedPicture>;
  /** Called with every decoded picture. */
  onPicture(decoded: DecodedPicture): void;
  /** Called when decoding fails. */
  onError(error: unknown): void;
}

/** Decodes one grid at a time, always the latest. */
export class LiveDecoder {
  readonly #options: LiveDecoderOptions;
  #wanted: DecodeRequest | undefined;
  /** Ends when nothing is to be decoded any more. */
  #idle: Promise<void> = Promise.resolve();
  #running: { readonly exact: boolean; readonly controller: AbortController } | undefined;

  /** A decoder that shows nothing yet. */
  constructor(options: LiveDecoderOptions) {
    this.#options = options;
  }

  /** Whether a picture is being decoded. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when the latest tokens are shown. */
  get idle(): Promise<void> {
    return this.#idle;
  }

  /** Shows tokens: exactly, or as soon as possible while more changes follow. */
  show(grid: TokenGrid, { exact }: { exact: boolean }): void {
    this.#wanted = { ...grid, exact };
    if (!this.#running) this.#idle = this.#run();
    else if (this.#running.exact) this.#running.controller.abort(); // it would be out of date
  }

  /** Forgets what was to be shown. */
  stop(): void {
    this.#wanted = undefined;
    this.#running?.controller.abort();
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      const request = this.#wanted;
      this.#wanted = undefined;
      const controller = new AbortController();
      this.#running = { exact: request.exact, controller };
      try {
        const decoded = await this.#options.decode(request, controller.signal);
        this.#running = undefined;
        this.#options.onPicture(decoded);
      } catch (error) {
        this.#running = undefined;
        if (!controller.signal.aborted) this.#options.onError(error);
      }
    }
  }
}
