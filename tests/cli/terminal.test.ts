import { assertEquals } from "@std/assert";
import { describe, describeChoice } from "../../cli/datasets/progress.ts";
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

Deno.test("the progress of a data set says percent, rates, time left, what failed, and how the machine is used", () => {
  const done = { shards: 1, totalShards: 4, pictures: 30, newPictures: 20, newTokens: 5120, failures: 0 };
  const use = { engines: 1, threads: 2, choice: "few pictures", rates: [] } as const;
  assertEquals(
    describe({ ...done, totalPictures: 90, batch: 4, engines: use }, 10),
    "30 of 90 pictures (33%), 2.0 pictures/s, 512 tokens/s, 30 s left, " +
      "1 engine of 2 threads (too few pictures to measure others), batches of 4",
  );
  assertEquals(
    describe({ ...done, failures: 2, engines: { ...use, engines: 2, choice: "measured" } }, 10),
    "30 pictures, 1 of 4 shards, 2.0 pictures/s, 512 tokens/s, 2 failed, 2 engines of 2 threads",
  );
  const more = describe({ ...done, totalPictures: 29 }, 10); // a damaged file held more than was known
  assertEquals(more, "30 of 29 pictures (100%), 2.0 pictures/s, 512 tokens/s, 0 s left");
  const rates = [{ engines: 1, threads: 2, picturesPerSecond: 8 }, {
    engines: 2,
    threads: 1,
    picturesPerSecond: 9.125,
  }];
  assertEquals(
    describeChoice({ engines: 2, threads: 1, choice: "measured", rates }),
    "Chose 2 engines of 1 thread. Measured: 1 engine of 2 threads 8.00 pictures/s, 2 engines of 1 thread 9.13 pictures/s",
  );
});
