// deno-lint-ignore-file no-console
/**
 * The bundled model behind HTTP, as an edge function would serve it: on one thread of a CPU, without a GPU, native code,
 * environment or files to write, in less than 512 MB.
 *
 *     deno task edge [PORT] [HOSTNAME]                            # 8000 127.0.0.1
 *     deno serve --port 8000 --allow-read examples/edge.ts        # the same on all addresses
 *
 *     curl localhost:8000/tokens -F file=@picture.png -o tokens.json   # {"shape":[1,h,w],"indices":[…]}
 *     curl localhost:8000/picture -F file=@tokens.json -o picture.png
 *     open http://localhost:8000/                                      # the same in a browser
 *
 * A file may also be the whole body (`--data-binary @picture.png`). Pictures are what `decodePicture` reads: JPEG, PNG, WebP,
 * GIF, BMP, TIFF and AVIF, turned upright by their EXIF orientation; they come back as PNG.
 *
 * What is refused comes back as `{"error": "…"}` with a fitting status.
 */
import { decodePicture, ImageProcessor, type Tokens, VQModel } from "../mod.ts";

/** The most pixels of a picture, given or decoded. The model takes 750 bytes for each, so that 512 MB hold no megapixel. */
const MAX_PIXELS = 768 * 512;
/** The most bytes of a picture file; RGB takes no more even where nothing can be compressed. */
const MAX_PICTURE_BYTES = 2_000_000;
/** The most bytes of JSON; the tokens of the largest picture take 120 kB. */
const MAX_TOKENS_BYTES = 250_000;
/** The most requests that are under way at once. One computes, the others wait for it or for their body. */
const MAX_REQUESTS = 5;
/** How long a body may take to arrive. */
const BODY_MS = 10_000;

const model = await VQModel.fromPretrained(new URL("models/leaves-f4", import.meta.url), {
  device: "wasm",
  threads: 1,
});
const factor = model.downsamplingFactor;
const processor = new ImageProcessor({ vaeScaleFactor: factor });

/** A request that is not served, and why. */
class Refusal extends Error {
  constructor(readonly status: number, message: string, readonly headers: HeadersInit = {}) {
    super(message);
  }
}

type Handler = (request: Request) => Response | Promise<Response>;

const ROUTES: Record<string, { methods: string[]; handle: Handler }> = {
  "/": { methods: ["GET", "HEAD"], handle: page },
  "/tokens": { methods: ["POST"], handle: admitted(toTokens) },
  "/picture": { methods: ["POST"], handle: admitted(toPicture) },
};

/** A response to any request. What went wrong here, rather than with the request, is told to the log alone. */
async function answer(request: Request): Promise<Response> {
  try {
    return await route(request);
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    if (request.signal.aborted) return refused(new Refusal(499, "the request was cancelled")); // nobody reads this
    console.error(error);
    return refused(new Refusal(500, "something went wrong on the server"));
  }
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

function refused({ status, message, headers }: Refusal): Response {
  return Response.json({ error: message }, { status, headers });
}

/** `POST /tokens`: a picture to tokens. Sides are rounded down to whole tokens. */
async function toTokens(request: Request): Promise<Response> {
  const { signal } = request;
  const bytes = await readFile(request, MAX_PICTURE_BYTES);
  const { indices, shape } = await inTurn(signal, async () => {
    const picture = await orRefuse(() => decodePicture(bytes, { maxPixels: MAX_PIXELS }), 415, 413);
    using sample = await orRefuse(() => processor.preprocess(picture));
    return await model.tokenize(sample, { signal });
  });
  return Response.json({ shape, indices: [...indices] });
}

/** `POST /picture`: tokens to a picture. */
async function toPicture(request: Request): Promise<Response> {
  const { signal } = request;
  const tokens = parseTokens(await readFile(request, MAX_TOKENS_BYTES));
  const png = await inTurn(signal, async () => {
    using decoded = await orRefuse(() => model.detokenize(tokens, { signal }));
    const [picture] = await processor.postprocess(decoded);
    return picture.encode("png");
  });
  return new Response(png, { headers: { "content-type": "image/png" } });
}

/** Tokens of one picture, not too large. Whether they are the model's is for the model to say. */
function parseTokens(bytes: Uint8Array): Tokens {
  const { shape, indices } = parseObject(bytes);
  if (!isWhole(shape) || shape.length !== 3 || shape[0] !== 1 || !isWhole(indices)) {
    throw new Refusal(400, 'expected JSON of the form {"shape": [1, height, width], "indices": [0, …]}');
  }
  const [, height, width] = shape;
  if (height * width * factor ** 2 > MAX_PIXELS) {
    throw new Refusal(413, `${height}×${width} tokens make more than ${MAX_PIXELS} pixels`);
  }
  return { shape: [1, height, width], indices: Int32Array.from(indices) };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new Refusal(400, "expected JSON");
  }
}

/** Whether a value is an array of numbers that int32 holds as they are. */
function isWhole(values: unknown): values is number[] {
  return Array.isArray(values) && values.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31);
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
  const bytes = await readBody(request, limit);
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) return bytes;
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData().catch(() => {
    throw new Refusal(400, "the body is no multipart/form-data, though its content-type says so");
  });
  const file = [...form.values()].find((value) => value instanceof File);
  if (!file) throw new Refusal(400, "expected a file in the form, as of curl -F file=@picture.png");
  return await file.bytes();
}

/** The bytes of the body, in one buffer however many pieces they come in, and never more than `limit`. */
async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new Refusal(415, `the body is encoded as ${encoding}, send it as it is`);
  const tooLong = () => new Refusal(413, `the body has more than ${limit} bytes`);
  if (Number(request.headers.get("content-length")) > limit) throw tooLong();
  const bytes = new Uint8Array(limit);
  let size = 0;
  const into = new WritableStream<Uint8Array>({
    write(piece) {
      if (size + piece.length > limit) throw tooLong();
      bytes.set(piece, size);
      size += piece.length;
    },
  });
  const deadline = AbortSignal.timeout(BODY_MS);
  try {
    await request.body?.pipeTo(into, { signal: AbortSignal.any([request.signal, deadline]) });
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (error === deadline.reason) throw new Refusal(408, `the body took longer than ${BODY_MS / 1000} seconds`);
    throw new Refusal(400, "the body broke off");
  }
  return bytes.subarray(0, size);
}

let requests = 0;

/** Serves at most {@linkcode MAX_REQUESTS} at once, because each has a body in memory. */
function admitted(handle: Handler): Handler {
  return async (request) => {
    if (requests === MAX_REQUESTS) throw new Refusal(503, "too many requests, try again", { "retry-after": "5" });
    requests++;
    try {
      return await handle(request);
    } finally {
      requests--;
    }
  };
}

let last: Promise<unknown> = Promise.resolve();

/** Runs `task` when all tasks before it have ended, unless nobody waits for it any more. */
function inTurn<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  const turn = last.then(() => {
    signal.throwIfAborted();
    return task();
  });
  last = turn.catch(() => {});
  return turn;
}

/** `GET /`: the same for people. */
function page(): Response {
  return new Response(PAGE, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; connect-src 'self'; img-src blob:; " +
        "script-src 'unsafe-inline'; style-src 'unsafe-inline'",
    },
  });
}

const PAGE = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pictures as tokens</title>
<style>
  body { font: 16px/1.5 system-ui; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
  [hidden] { display: none !important }
  main { display: flex; flex-wrap: wrap; gap: 1rem }
  figure { flex: 1 18rem; margin: 0 }
  img, canvas { width: 100%; image-rendering: pixelated }
</style>
<h1>Pictures as tokens</h1>
<p>A small VQ model turns each ${factor}×${factor} pixels of a picture into one of
${model.config.num_vq_embeddings} tokens, and tokens back into a picture, on one thread of this server's CPU.
Larger pictures are shrunk to ${MAX_PIXELS} pixels here first. Nothing is kept.</p>
<p><input type="file" accept="image/*"> <output></output></p>
<main hidden>
  <figure><canvas id="original"></canvas><figcaption>Picture</figcaption></figure>
  <figure><canvas id="tokens"></canvas><figcaption>Tokens, in false colour</figcaption></figure>
  <figure><img alt=""><figcaption>What they decode to</figcaption></figure>
</main>
<script type="module">
  const find = (selector) => document.querySelector(selector);
  const [input, status, main, image] = ["input", "output", "main", "img"].map(find);

  input.onchange = async () => {
    input.disabled = true;
    try {
      await show(input.files[0]);
    } catch (error) {
      status.value = error.message;
    }
    input.disabled = false;
    input.value = "";
  };

  async function show(file) {
    const start = performance.now();
    image.removeAttribute("src");
    main.hidden = false;
    status.value = "to tokens …";
    const png = await drawOriginal(await createImageBitmap(file));
    const tokens = await (await post("/tokens", png)).json();
    drawTokens(tokens);
    status.value = "and back …";
    const picture = await (await post("/picture", JSON.stringify(tokens))).blob();
    image.src = URL.createObjectURL(picture);
    const seconds = (performance.now() - start) / 1000;
    status.value = tokens.indices.length + " tokens, " + seconds.toFixed(1) + " s there and back";
  }

  async function post(path, body) {
    const response = await fetch(path, { method: "POST", body });
    if (!response.ok) throw new Error((await response.json()).error);
    return response;
  }

  function drawOriginal(bitmap) {
    const scale = Math.min(1, Math.sqrt(${MAX_PIXELS} / (bitmap.width * bitmap.height)));
    const side = (length) => Math.max(1, Math.floor(length * scale / ${factor})) * ${factor};
    const canvas = find("#original");
    [canvas.width, canvas.height] = [side(bitmap.width), side(bitmap.height)];
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve));
  }

  function drawTokens({ shape: [, height, width], indices }) {
    const canvas = find("#tokens");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    indices.forEach((index, i) => {
      context.fillStyle = "hsl(" + index * 137.5 + " 50% " + (35 + index * 7 % 40) + "%)"; // neighbours differ
      context.fillRect(i % width, Math.floor(i / width), 1, 1);
    });
  }
</script>
</html>
`;

export default { fetch: answer } satisfies Deno.ServeDefaultExport;

/**
 * The first argument of `deno task edge`. Without arguments it could not be told from `deno serve`, which also runs this
 * module as the main one, but listens by itself.
 */
const LISTEN = "listen";

if (import.meta.main && Deno.args.length > 0) {
  const [port = "8000", hostname = "127.0.0.1"] = Deno.args.filter((argument) => argument !== LISTEN);
  const server = Deno.serve({ port: Number(port), hostname }, answer);
  Deno.addSignalListener("SIGINT", () => {
    server.shutdown(); // what is under way is finished first,
    Deno.unrefTimer(setTimeout(Deno.exit, BODY_MS)); // but a client that never stops sending is not waited for
  });
  await server.finished;
  Deno.exit(); // or Deno would ask whether `deno serve` was meant
}
