// deno-lint-ignore-file no-console
/**
 * Serves the bundled model over HTTP like an edge function: in less than 512 MB, without flags, a GPU, native code,
 * environment variables or writing files; on all threads where the runtime has them, and otherwise on one.
 *
 *     deno task edge [PORT] [HOSTNAME]                            # 8000 127.0.0.1
 *     deno serve --port 8000 --allow-read examples/edge.ts        # the same on all addresses
 *
 *     curl localhost:8000/tokens -F file=@picture.png -o tokens.json   # {"codebook":"…","shape":[1,h,w],"indices":[…]}
 *     curl localhost:8000/picture -F file=@tokens.json -o picture.png
 *     open http://localhost:8000/                                      # the same in a browser
 *
 * Its default export is a plain `fetch` handler. Deno Deploy serves it with this file as the entry point: the model is a
 * file of the deployment, and 768 MB are more than enough. Node serves a bundle of it beside `models/`:
 *
 *     deno bundle --platform=deno -o examples/edge.js examples/edge.ts && npx srvx --prod --entry examples/edge.js
 *
 * Pages of other origins may not use it, unless it is started with `--allow-origin=https://example.org`.
 *
 * A file may also be the whole body (`--data-binary @picture.png`). Pictures are what `decodePicture` reads: JPEG, PNG, WebP,
 * GIF, BMP, TIFF and AVIF, turned upright by their EXIF orientation; they come back as PNG.
 *
 * Refused requests get `{"error": "…"}` with a fitting status.
 */
import { decodePicture, decodeTokens, encodeTokens, ImageProcessor, type Tokens, VQModel } from "../mod.ts";
import { inTurn, receive } from "./edge/admission.ts";
import { checkOrigin, crossOriginHeaders, isPreflight, SECURITY_HEADERS } from "./edge/origins.ts";
import { createPage } from "./edge/page.ts";
import { Refusal } from "./edge/refusal.ts";

/**
 * Limit of a picture's pixels, sent or decoded. The process takes 105 MB, and 670 bytes for each pixel of the largest
 * picture: 370 MB. For a megapixel, 512 MB would be too few.
 */
const MAX_PIXELS = 768 * 512;
/** Limit of a picture file in bytes, enough for the largest picture as uncompressed RGB. */
const MAX_PICTURE_BYTES = 2_000_000;
/** Limit of a JSON file in bytes. The tokens of the largest picture take 120 kB. */
const MAX_TOKENS_BYTES = 250_000;

const args = globalThis.Deno?.args ?? []; // Node has none
const options = args.filter((argument) => argument.startsWith("--"));
const unknown = options.find((option) => !option.startsWith("--allow-origin="));
if (import.meta.main && unknown) throw new TypeError(`Unknown option ${unknown}: expected --allow-origin=ORIGIN`);
const allowedOrigins = options.map((option) => option.replace("--allow-origin=", ""));

const model = await VQModel.fromPretrained(new URL("models/leaves-f4", import.meta.url), {
  device: "wasm",
});
const factor = model.downsamplingFactor;
const { hash, codes } = await model.codebook();
const processor = ImageProcessor.for(model);

type Handler = (request: Request) => Response | Promise<Response>;

const ROUTES: Record<string, { methods: string[]; handle: Handler }> = {
  "/": { methods: ["GET", "HEAD"], handle: page },
  "/tokens": { methods: ["POST"], handle: toTokens },
  "/picture": { methods: ["POST"], handle: toPicture },
};

/** Responds to any request. */
async function answer(request: Request): Promise<Response> {
  const response = await serve(request).catch((error) => refuse(request, error));
  const headers = { ...SECURITY_HEADERS, ...crossOriginHeaders(request, allowedOrigins) };
  for (const [name, value] of Object.entries(headers)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  return response;
}

async function serve(request: Request): Promise<Response> {
  checkOrigin(request, allowedOrigins);
  if (isPreflight(request)) return new Response(null, { status: 204 });
  return await route(request);
}

/** Converts an error to a response. Errors of the server itself are logged, not sent. */
function refuse(request: Request, error: unknown): Response {
  if (error instanceof Refusal) return error.toResponse();
  if (request.signal.aborted) return new Refusal(499, "the request was cancelled").toResponse(); // never sent
  console.error(error);
  return new Refusal(500, "something went wrong on the server").toResponse();
}

function route(request: Request): Response | Promise<Response> {
  const pathname = URL.parse(request.url)?.pathname ?? request.url; // the Host header may be invalid
  if (!Object.hasOwn(ROUTES, pathname)) {
    throw new Refusal(404, `there is no ${pathname}, only ${Object.keys(ROUTES).join(", ")}`);
  }
  const { methods, handle } = ROUTES[pathname];
  if (methods.includes(request.method)) return handle(request);
  const allow = methods.join(", ");
  throw new Refusal(405, `${pathname} takes ${allow}, found ${request.method}`, { allow });
}

/** `POST /tokens`: tokenizes a picture. Rounds its sides down to whole tokens. */
async function toTokens(request: Request): Promise<Response> {
  const { signal } = request;
  const bytes = await readFile(request, MAX_PICTURE_BYTES);
  const tokens = await inTurn(signal, async () => {
    const picture = await orRefuse(() => decodePicture(bytes, { maxPixels: MAX_PIXELS }), 415, 413);
    const sample = await orRefuse(() => processor.preprocess(picture));
    return await model.tokenize(sample, { signal }).finally(() => sample.dispose());
  });
  const json = encodeTokens({ ...tokens, codebook: { hash, codes } }, "json");
  return new Response(json, { headers: { "content-type": "application/json" } });
}

/** `POST /picture`: decodes tokens to a picture. */
async function toPicture(request: Request): Promise<Response> {
  const { signal } = request;
  const tokens = await parseTokens(await readFile(request, MAX_TOKENS_BYTES));
  const png = await inTurn(signal, async () => {
    const decoded = await orRefuse(() => model.detokenize(tokens, { signal }));
    const [picture] = await processor.postprocess(decoded).finally(() => decoded.dispose());
    return picture.encode("png");
  });
  return new Response(png, { headers: { "content-type": "image/png" } });
}

/** Reads the tokens of one picture, and checks its size and codebook. The model checks the indices. */
async function parseTokens(bytes: Uint8Array): Promise<Tokens> {
  const tokens = await orRefuse(() => decodeTokens(bytes, { format: "json" }));
  const { codebook, shape: [count, height, width] } = tokens;
  if (codebook && codebook.hash !== hash) { // the model's own message contains its path
    const [theirs, ours] = [codebook.hash, hash].map((hash) => hash.slice(0, 16));
    throw new Refusal(400, `Cannot use tokens: they belong to a model with codebook ${theirs}, this one's is ${ours}`);
  }
  if (count !== 1) throw new Refusal(400, `expected the tokens of one picture, found those of ${count}`);
  if (height * width * factor ** 2 > MAX_PIXELS) {
    throw new Refusal(413, `${height}×${width} tokens make more than ${MAX_PIXELS} pixels`);
  }
  return tokens;
}

/** Runs a task of the library, and converts errors in its input to refusals with the given status. */
async function orRefuse<T>(task: () => Promise<T>, wrongKind = 400, outOfRange = 400): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(wrongKind, error.message);
    if (error instanceof RangeError) throw new Refusal(outOfRange, error.message);
    throw error;
  }
}

/** Reads the file of a request: the body, or the first file of a form. The body has at most `limit` bytes. */
async function readFile(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await receive(request, limit);
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) return bytes;
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData().catch(() => {
    throw new Refusal(400, "the body is not valid multipart/form-data, as its content-type states");
  });
  const file = [...form.values()].find((value) => value instanceof File);
  if (!file) throw new Refusal(400, "expected a file in the form, as of curl -F file=@picture.png");
  return await file.bytes();
}

/** `GET /`: a page that uses the other routes. */
function page(): Response {
  return new Response(PAGE, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; connect-src 'self'; img-src blob:; " +
        "script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    },
  });
}

const PAGE = createPage({ factor, codes: model.config.num_vq_embeddings, maxPixels: MAX_PIXELS });

export default { fetch: answer } satisfies Deno.ServeDefaultExport;

/**
 * The first argument of `deno task edge`, which distinguishes it from `deno serve`: that also runs this module as the main
 * module, but starts its own server.
 */
const LISTEN = "listen";

const places = args.filter((argument) => !options.includes(argument));
if (import.meta.main && places.length > 0) {
  const [port = "8000", hostname = "127.0.0.1"] = places.filter((place) => place !== LISTEN);
  const { listen } = await import("./edge/listen.ts");
  await listen(answer, Number(port), hostname);
  Deno.exit(); // otherwise Deno suggests `deno serve`
}
