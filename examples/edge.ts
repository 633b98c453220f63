// deno-lint-ignore-file no-console
/**
 * The bundled model behind HTTP, as an edge function would serve it: on one thread of a CPU, without a GPU, native code,
 * environment or files to write, in less than 512 MB.
 *
 *     deno task edge [PORT] [HOSTNAME]                            # 8000 127.0.0.1
 *     deno serve --port 8000 --allow-read examples/edge.ts        # the same on all addresses
 *
 *     curl localhost:8000/tokens -F file=@picture.png -o tokens.json   # {"codebook":"…","shape":[1,h,w],"indices":[…]}
 *     curl localhost:8000/picture -F file=@tokens.json -o picture.png
 *     open http://localhost:8000/                                      # the same in a browser
 *
 * Pages of other servers may not use it, unless it is started with `--allow-origin=https://example.org`.
 *
 * A file may also be the whole body (`--data-binary @picture.png`). Pictures are what `decodePicture` reads: JPEG, PNG, WebP,
 * GIF, BMP, TIFF and AVIF, turned upright by their EXIF orientation; they come back as PNG.
 *
 * What is refused comes back as `{"error": "…"}` with a fitting status.
 */
import { decodePicture, decodeTokens, encodeTokens, ImageProcessor, type Tokens, VQModel } from "../mod.ts";
import { inTurn, receive } from "./edge/admission.ts";
import { checkOrigin, crossOriginHeaders, isPreflight, SECURITY_HEADERS } from "./edge/origins.ts";
import { createPage } from "./edge/page.ts";
import { Refusal } from "./edge/refusal.ts";

/** The most pixels of a picture, given or decoded. The model takes 750 bytes for each, so that 512 MB hold no megapixel. */
const MAX_PIXELS = 768 * 512;
/** The most bytes of a picture file; RGB takes no more even where nothing can be compressed. */
const MAX_PICTURE_BYTES = 2_000_000;
/** The most bytes of JSON; the tokens of the largest picture take 120 kB. */
const MAX_TOKENS_BYTES = 250_000;

const options = Deno.args.filter((argument) => argument.startsWith("--"));
const allowedOrigins = options.map((option) => option.replace("--allow-origin=", ""));

const model = await VQModel.fromPretrained(new URL("models/leaves-f4", import.meta.url), {
  device: "wasm",
  threads: 1,
});
const factor = model.downsamplingFactor;
const { hash, codes } = await model.codebook();
const processor = new ImageProcessor({ vaeScaleFactor: factor });

type Handler = (request: Request) => Response | Promise<Response>;

const ROUTES: Record<string, { methods: string[]; handle: Handler }> = {
  "/": { methods: ["GET", "HEAD"], handle: page },
  "/tokens": { methods: ["POST"], handle: toTokens },
  "/picture": { methods: ["POST"], handle: toPicture },
};

/** A response to any request. */
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

/** What went wrong here, rather than with the request, is told to the log alone. */
function refuse(request: Request, error: unknown): Response {
  if (error instanceof Refusal) return error.toResponse();
  if (request.signal.aborted) return new Refusal(499, "the request was cancelled").toResponse(); // nobody reads this
  console.error(error);
  return new Refusal(500, "something went wrong on the server").toResponse();
}

function route(request: Request): Response | Promise<Response> {
  const pathname = URL.parse(request.url)?.pathname ?? request.url; // the host may be no host
  if (!Object.hasOwn(ROUTES, pathname)) {
    throw new Refusal(404, `there is no ${pathname}, only ${Object.keys(ROUTES).join(", ")}`);
  }
  const { methods, handle } = ROUTES[pathname];
  if (methods.includes(request.method)) return handle(request);
  const allow = methods.join(", ");
  throw new Refusal(405, `${pathname} takes ${allow}, found ${request.method}`, { allow });
}

/** `POST /tokens`: a picture to tokens. Sides are rounded down to whole tokens. */
async function toTokens(request: Request): Promise<Response> {
  const { signal } = request;
  const bytes = await readFile(request, MAX_PICTURE_BYTES);
  const tokens = await inTurn(signal, async () => {
    const picture = await orRefuse(() => decodePicture(bytes, { maxPixels: MAX_PIXELS }), 415, 413);
    using sample = await orRefuse(() => processor.preprocess(picture));
    return await model.tokenize(sample, { signal });
  });
  const json = encodeTokens({ ...tokens, codebook: { hash, codes } }, "json");
  return new Response(json, { headers: { "content-type": "application/json" } });
}

/** `POST /picture`: tokens to a picture. */
async function toPicture(request: Request): Promise<Response> {
  const { signal } = request;
  const tokens = await parseTokens(await readFile(request, MAX_TOKENS_BYTES));
  const png = await inTurn(signal, async () => {
    using decoded = await orRefuse(() => model.detokenize(tokens, { signal }));
    const [picture] = await processor.postprocess(decoded);
    return picture.encode("png");
  });
  return new Response(png, { headers: { "content-type": "image/png" } });
}

/** Tokens of one picture, not too large. Whether they are the model's is for the model to say. */
async function parseTokens(bytes: Uint8Array): Promise<Tokens> {
  const tokens = await orRefuse(() => decodeTokens(bytes, { format: "json" }));
  const { codebook, shape: [count, height, width] } = tokens;
  if (codebook && codebook.hash !== hash) { // said here, for the model would say where it is on this machine
    const [theirs, ours] = [codebook.hash, hash].map((hash) => hash.slice(0, 16));
    throw new Refusal(400, `Cannot use tokens: they are of a model with codebook ${theirs}, this one's is ${ours}`);
  }
  if (count !== 1) throw new Refusal(400, `expected the tokens of one picture, found those of ${count}`);
  if (height * width * factor ** 2 > MAX_PIXELS) {
    throw new Refusal(413, `${height}×${width} tokens make more than ${MAX_PIXELS} pixels`);
  }
  return tokens;
}

/** The library checks what it is given, and says what is wrong with it: its kind, or that it is out of range. */
async function orRefuse<T>(task: () => Promise<T>, wrongKind = 400, outOfRange = 400): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(wrongKind, error.message);
    if (error instanceof RangeError) throw new Refusal(outOfRange, error.message);
    throw error;
  }
}

/** The file that a request brings: its body, or the first file of a form. Either way the body has at most `limit` bytes. */
async function readFile(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await receive(request, limit);
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) return bytes;
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData().catch(() => {
    throw new Refusal(400, "the body is no multipart/form-data, though its content-type says so");
  });
  const file = [...form.values()].find((value) => value instanceof File);
  if (!file) throw new Refusal(400, "expected a file in the form, as of curl -F file=@picture.png");
  return await file.bytes();
}

/** `GET /`: the same for people. */
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
 * The first argument of `deno task edge`. Without arguments it could not be told from `deno serve`, which also runs this
 * module as the main one, but listens by itself.
 */
const LISTEN = "listen";

const places = Deno.args.filter((argument) => !options.includes(argument));
if (import.meta.main && places.length > 0) {
  const [port = "8000", hostname = "127.0.0.1"] = places.filter((place) => place !== LISTEN);
  const { listen } = await import("./edge/listen.ts");
  await listen(answer, Number(port), hostname);
  Deno.exit(); // or Deno would ask whether `deno serve` was meant
}
