/** Edits of tokens, their history, and links, without a page. */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { brushSquare, strokeCells } from "../../../examples/playground/editing/brush.ts";
import { applyEdit, type Edit } from "../../../examples/playground/editing/edits.ts";
import { addEdit, newHistory, redo, undo } from "../../../examples/playground/editing/history.ts";
import { checkEdit, decodeLink, encodeLink, type Shared } from "../../../examples/playground/editing/link.ts";
import { packIndices, unpackIndices } from "../../../examples/playground/editing/packing.ts";
import { changedRegion } from "../../../examples/playground/editing/region.ts";

const TOKENS = Int32Array.from({ length: 24 }, (_, i) => i);
const CONTEXT = { original: TOKENS, codes: 32 };
const apply = (edit: Edit, tokens = TOKENS) => [...applyEdit(tokens, edit, CONTEXT)];

Deno.test("painting sets cells, restoring sets them back, and the tokens before are kept", () => {
  const painted = applyEdit(TOKENS, { kind: "paint", code: 31, cells: [2, 3] }, CONTEXT);
  assertEquals([...painted.slice(1, 5)], [1, 31, 31, 4]);
  assertEquals(TOKENS[2], 2);
  assertEquals(apply({ kind: "restore", cells: [2, 3] }, painted), [...TOKENS]);
});

Deno.test("swapping exchanges two codes everywhere", () => {
  const tokens = Int32Array.of(1, 2, 3, 1);
  assertEquals(apply({ kind: "swap", codes: [1, 3] }, tokens), [3, 2, 1, 3]);
});

Deno.test("noise, masks and shuffles change their share of the tokens, and the same for the same seed", () => {
  const changed = (edit: Edit) => apply(edit).filter((code, cell) => code !== TOKENS[cell]).length;
  assertEquals(changed({ kind: "mask", percent: 25, seed: 1, code: 31 }), 6);
  assertEquals(changed({ kind: "shuffle", percent: 50, seed: 1 }), 12);
  const shuffled = apply({ kind: "shuffle", percent: 100, seed: 5 });
  assertEquals(shuffled.toSorted((a, b) => a - b), [...TOKENS]);
  const noise = (seed: number) => apply({ kind: "noise", percent: 50, seed });
  assert(noise(1).every((code) => code >= 0 && code < 32));
  assertEquals(noise(1), noise(1));
  assertNotEquals(noise(1), noise(2));
});

Deno.test("undo and redo give the tokens before and after, and a new edit ends redoing", () => {
  const paint = (code: number): Edit => ({ kind: "paint", code, cells: [0] });
  const first = addEdit(newHistory(TOKENS), paint(7), CONTEXT);
  const second = addEdit(first, paint(8), CONTEXT);
  assertEquals(undo(second).tokens, first.tokens);
  assertEquals(redo(undo(second)).tokens, second.tokens);
  assertEquals(undo(undo(undo(second))).tokens, TOKENS);
  const other = addEdit(undo(second), paint(9), CONTEXT);
  assertEquals(redo(other), other);
  assertEquals(other.done.map(({ edit }) => edit), [paint(7), paint(9)]);
});

Deno.test("an edit that changes nothing is no step of the history", () => {
  const history = newHistory(TOKENS);
  assertEquals(addEdit(history, { kind: "paint", code: 5, cells: [5] }, CONTEXT), history);
});

Deno.test("a history of large grids forgets its oldest steps, and says so", () => {
  const context = { original: new Int32Array(4e6), codes: 100 };
  let history = newHistory(context.original);
  for (let code = 1; code <= 6; code++) history = addEdit(history, { kind: "paint", code, cells: [0] }, context);
  assertEquals([history.done.length, history.isComplete], [4, false]); // of 16 MB each
});

Deno.test("a brush covers a square inside the grid, and a stroke leaves no gaps", () => {
  const grid = { rows: 4, columns: 6 };
  assertEquals(brushSquare({ row: 0, column: 5 }, 3, grid), { top: 0, left: 4, bottom: 2, right: 6 });
  assertEquals(strokeCells({ row: 1, column: 0 }, { row: 1, column: 5 }, 1, grid), [6, 7, 8, 9, 10, 11]);
  assertEquals(strokeCells({ row: 0, column: 0 }, { row: 3, column: 3 }, 1, grid), [0, 7, 14, 21]);
});

Deno.test("the changed region holds every difference, and no more rows and columns", () => {
  const after = TOKENS.slice();
  after[7] = after[14] = 0;
  assertEquals(changedRegion(TOKENS, after, 6), [1, 1, 3, 3]);
  assertEquals(changedRegion(TOKENS, TOKENS.slice(), 6), undefined);
});

Deno.test("indices are packed in the bits that their codebook needs", () => {
  for (const codes of [1, 2, 5, 1024, 16384, 262144]) {
    const indices = Int32Array.from({ length: 37 }, (_, i) => i * 7919 % codes);
    const bytes = packIndices(indices, codes);
    assertEquals(bytes.length, Math.ceil(37 * Math.max(1, Math.ceil(Math.log2(codes))) / 8));
    assertEquals(unpackIndices(bytes, 37, codes), indices);
  }
  assertThrows(() => unpackIndices(new Uint8Array(3), 37, 16), RangeError, "expected 19 bytes");
  assertThrows(() => unpackIndices(Uint8Array.of(7), 1, 5), RangeError, "below 5");
});

Deno.test("links hold edits or tokens, and give the same back", async () => {
  const edits: Edit[] = [
    { kind: "paint", code: 3, cells: [1, 2, 3] },
    { kind: "noise", percent: 10, seed: 77 },
    { kind: "swap", codes: [1, 2] },
  ];
  const shared: Shared[] = [
    { model: "leaves-f4", content: { picture: "still-life", side: 384, edits } },
    { model: "leaves-f4", content: { picture: "still-life", side: 384, edits: [] } },
    { model: "owner/name", content: { rows: 4, columns: 6, indices: TOKENS } },
  ];
  for (const content of shared) {
    const fragment = await encodeLink(content, 32);
    assertEquals(await decodeLink(`#${fragment}`), content);
  }
  assertEquals(await decodeLink(""), undefined);
});

Deno.test("damaged links are errors that say so", async () => {
  const tokens = { model: "a/b", content: { rows: 4, columns: 6, indices: TOKENS } };
  const whole = await encodeLink(tokens, 32);
  const damaged = [
    whole.slice(0, -12),
    whole.replace("4x6", "5x6"),
    whole.replace("4x6", "99999x99999"),
    whole.replace("codes=32", "codes=9e9"),
    whole.replace("tokens=", "tokens=%%%"),
    "model=a&picture=b&side=NaN",
    "model=a&picture=../b&side=64",
    `model=a&picture=b&side=64&edits=${new URLSearchParams(whole).get("tokens")}`,
  ];
  for (const fragment of damaged) {
    await assertRejects(() => decodeLink(fragment), RangeError, "Cannot open the link", fragment);
  }
  const size = { cells: 24, codes: 32 };
  assertThrows(() => checkEdit({ kind: "paint", code: 32, cells: [] }, size), RangeError, "32 codes");
  assertThrows(() => checkEdit({ kind: "restore", cells: [24] }, size), RangeError, "24 tokens");
});
