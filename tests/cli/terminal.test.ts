import { assertEquals } from "@std/assert";
import { showComputing } from "../../cli/terminal.ts";

Deno.test("progress is shown after two seconds, and the line is cleared at the end", async () => {
  const shown: string[] = [];
  const { now } = performance;
  let clock = 0;
  performance.now = () => clock;
  try {
    const result = await showComputing("Tokenizing", ({ onProgress }) => {
      for (const done of [1, 2, 3, 4, 5, 6]) {
        clock += 500;
        onProgress!(done, 6);
      }
      return Promise.resolve("tokens");
    }, (text) => void shown.push(text));
    assertEquals(result, "tokens");
  } finally {
    performance.now = now;
  }
  assertEquals(shown, ["Tokenizing 83%", "Tokenizing 100%", ""]);
});
