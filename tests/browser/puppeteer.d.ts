/// <reference lib="dom" />
/**
 * What tests use of `npm:puppeteer-core`. Its own types bring those of another Node along, which other files do not fit.
 *
 * @module
 */

/** Size of the window, and what kind of device it is on. */
export interface Viewport {
  readonly width: number;
  readonly height: number;
  readonly isMobile?: boolean;
  readonly hasTouch?: boolean;
}

/** An element of a page. */
export interface PageElement {
  boundingBox(): Promise<{ x: number; y: number; width: number; height: number } | null>;
  /** Chooses files in an `<input type="file">`. */
  uploadFile(...paths: string[]): Promise<void>;
}

export interface Page {
  readonly keyboard: {
    press(key: string): Promise<void>;
    down(key: string): Promise<void>;
    up(key: string): Promise<void>;
  };
  readonly mouse: {
    move(x: number, y: number, options?: { steps?: number }): Promise<void>;
    down(): Promise<void>;
    up(): Promise<void>;
  };
  $(selector: string): Promise<PageElement | null>;
  $eval<R, A extends unknown[]>(
    selector: string,
    run: (element: Element, ...args: A) => R,
    ...args: A
  ): Promise<Awaited<R>>;
  $$eval<R, A extends unknown[]>(
    selector: string,
    run: (elements: Element[], ...args: A) => R,
    ...args: A
  ): Promise<Awaited<R>>;
  browserContext(): BrowserContext;
  click(selector: string): Promise<void>;
  close(): Promise<void>;
  createCDPSession(): Promise<{ send(method: string, params?: object): Promise<unknown> }>;
  emulateMediaFeatures(features: readonly { name: string; value: string }[]): Promise<void>;
  // deno-lint-ignore no-explicit-any -- scripts of any result
  evaluate(script: string): Promise<any>;
  evaluate<R, A extends unknown[]>(run: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  evaluateOnNewDocument(script: string): Promise<unknown>;
  focus(selector: string): Promise<void>;
  goto(url: string): Promise<unknown>;
  metrics(): Promise<{ JSHeapUsedSize?: number }>;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: unknown) => void): void;
  reload(): Promise<unknown>;
  select(selector: string, value: string): Promise<string[]>;
  setOfflineMode(enabled: boolean): Promise<void>;
  setViewport(viewport: Viewport): Promise<void>;
  url(): string;
  waitForFunction(script: string, options?: { timeout?: number }): Promise<unknown>;
  waitForFunction<A extends unknown[]>(
    run: (...args: A) => unknown,
    options?: { timeout?: number },
    ...args: A
  ): Promise<unknown>;
  /** The workers that the page started. */
  workers(): { evaluate(script: string): Promise<unknown> }[];
}

export interface BrowserContext {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

export interface Browser {
  createBrowserContext(options?: {
    downloadBehavior?: { policy: "allow"; downloadPath: string };
  }): Promise<BrowserContext>;
  close(): Promise<void>;
}

declare const puppeteer: {
  launch(options: { executablePath: string; args: readonly string[] }): Promise<Browser>;
};
export default puppeteer;
