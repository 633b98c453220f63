/** What the page of these tests is asked to compute. */
import { buildDist } from "../../bundles/dist.ts";
import { type Golden, loadGolden } from "../../support/golden.ts";
import { filesOf, type Page, type PageOptions, withPage } from "../chromium.ts";

/** The strictest content security policy with which threads compute; see security.test.ts. */
export const POLICY: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:",
};

const PAGE = "/repository/tests/browser/models/page.html";

/** Where and how a page computes. */
export interface Place {
  readonly device: "wasm" | "webgpu";
  readonly threads?: number;
  readonly inWorker: boolean;
}

/** A request to the page. */
export interface Request extends Place {
  readonly files: readonly string[];
  readonly sample: { readonly data: readonly number[]; readonly shape: readonly number[] };
}

/** The tokens, and the SHA-256 of latents and picture. */
export interface Results {
  readonly tokens: number[];
  readonly latents: string;
  readonly decoded: string;
}

/** What `compute` of the page returns. */
export interface Answer extends Results {
  readonly device: string;
  readonly threads: number;
  readonly fallbacks: string[];
}

declare global {
  var compute: (request: Request) => Promise<Answer>;
  var repeat: (request: Request & { rounds: number }) => Promise<number[]>;
  var loseDevice: (
    request: Omit<Request, "device">,
  ) => Promise<{ device: string; devices: number; tokens: number[] }[]>;
  var endWorker: (request: Omit<Request, "inWorker">) => Promise<string>;
  var bytesInUse: () => Promise<number>;
}

/** A golden, and the request for it but for the place. */
export interface Case {
  readonly name: string;
  readonly golden: Golden;
  readonly request: Omit<Request, keyof Place>;
}

/** The request for a golden. */
export function caseOf(name: string): Case {
  const golden = loadGolden(name);
  const { data, shape } = golden.tensor("sample");
  const names = [...Deno.readDirSync(golden.directory)].map((entry) => entry.name);
  const files = names.filter((file) => /\.(json|safetensors|bin)$/.test(file) && file !== "io.safetensors");
  const urls = files.map((file) => `/repository/tests/fixtures/golden/${name}/${file}`);
  return { name, golden, request: { files: urls, sample: { data: [...data], shape } } };
}

/** Opens the page, served with the built package and these headers. */
export async function withModelPage<T>(
  headers: Readonly<Record<string, string>>,
  use: (page: Page) => Promise<T>,
  options?: PageOptions,
): Promise<T> {
  return await withPage(filesOf(await buildDist(), headers), PAGE, async (page) => {
    await page.waitForFunction("globalThis.loseDevice");
    return await use(page);
  }, options);
}
