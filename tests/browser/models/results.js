/** What a model makes of a golden's picture; computed in a page and in Deno. */

/**
 * The tokens, and the SHA-256 of latents and picture.
 *
 * @param {{ encode: Function, tokenize: Function, detokenize: Function }} model a model, also one in a worker
 * @param {object} sample a tensor
 */
export async function resultsOf(model, sample) {
  const { latents } = await model.encode(sample);
  const { indices, shape } = await model.tokenize(sample);
  const decoded = await model.detokenize({ indices, shape });
  return { tokens: [...indices], latents: await hashOf(latents), decoded: await hashOf(decoded) };
}

async function hashOf(tensor) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await tensor.data()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
