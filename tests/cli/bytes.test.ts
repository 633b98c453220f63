import { assert, assertEquals, assertMatch } from "@std/assert";
import { BYTES, bytesOf } from "../../cli/bytes.ts";

Deno.test("bytes are numbers with or without a unit", () => {
  const amounts = { "1.5e9": 1.5e9, "10b": 10, "0.5kB": 500, "512MB": 512e6, "2 gib": 2 ** 31, "1TiB": 2 ** 40 };
  for (const [text, bytes] of Object.entries(amounts)) {
    assertMatch(text, BYTES);
    assertEquals(bytesOf(text), bytes);
  }
  for (const text of ["", "0", "0.0GB", "-1", "512M", "1ib", "GB", "1e", "1,5GB", "1GB "]) {
    assert(!BYTES.test(text), text);
  }
});
