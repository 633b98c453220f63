import { assertEquals, assertRejects } from "@std/assert";
import { parseYaml } from "../../../hub/formats/yaml.ts";
import { HubError } from "../../../hub/mod.ts";
import { bytesOf, type Part } from "../files.ts";

const parse = (text: Part) => parseYaml(bytesOf(text), "Cannot read it", HubError);

Deno.test("parseYaml reads the configurations of training code", async () => {
  const text = "model:\n  target: taming.models.vqgan.VQModel\n  params:\n    ch_mult: [1, 2]\n    lr: 4.5e-06\n";
  assertEquals(await parse(text), {
    model: { target: "taming.models.vqgan.VQModel", params: { ch_mult: [1, 2], lr: 4.5e-6 } },
  });
  assertEquals(await parse("a: &x [1]\nb: *x"), { a: [1], b: [1] });
});

Deno.test("parseYaml runs nothing: the value of an unknown tag is read as if it had none", async () => {
  assertEquals(await parse("a: !!python/object/apply:os.system [ls]"), { a: ["ls"] });
});

Deno.test("parseYaml refuses what is not YAML, or takes too much memory", async () => {
  const row = (name: string, of: string) => `${name}: &${name} [${Array(10).fill(of).join(", ")}]\n`;
  const bomb = [..."bcdefgh"].map((name, i) => row(name, `*${"abcdefgh"[i]}`)).join("");
  const wrong: Part[] = [
    "a: ]",
    "a: [",
    [0xff, 0xfe],
    "[".repeat(10_000),
    `${"[".repeat(70)}1${"]".repeat(70)}`,
    "&a [*a]",
    row("a", "x") + bomb,
    " ".repeat(100_001),
  ];
  for (const text of wrong) await assertRejects(() => parse(text), HubError, "Cannot read it: expected ");
});

Deno.test("parseYaml says of deep nesting that it is too deep", async () => {
  for (const text of ["[".repeat(90_000), "- ".repeat(40_000), '{"a":'.repeat(15_000)]) {
    await assertRejects(() => parse(text), HubError, "found: values nested too deeply");
  }
});
