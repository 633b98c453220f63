/**
 * The page at `/`.
 *
 * @module
 */

/** Properties of the model and the server. */
export interface PageOptions {
  /** Side of a token in pixels. */
  readonly factor: number;
  /** Number of codes. */
  readonly codes: number;
  /** Larger pictures are shrunk to this many pixels before they are sent. */
  readonly maxPixels: number;
}

/** The page's HTML. */
export function createPage({ factor, codes, maxPixels }: PageOptions): string {
  return `<!DOCTYPE html>
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
${codes} tokens, and tokens back into a picture, on this server's CPU.
Larger pictures are shrunk to ${maxPixels} pixels here first. Nothing is kept.</p>
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
    const scale = Math.min(1, Math.sqrt(${maxPixels} / (bitmap.width * bitmap.height)));
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
}
