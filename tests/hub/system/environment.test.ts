/** The environment variables of Python's `huggingface_hub`; expected values are Python's own. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { connectTo } from "../../../hub/remote/access.ts";
import { defaultCacheDir, findToken, isOfflineMode } from "../../../hub/system/environment.ts";
import { expandPath } from "../../../hub/system/expand.ts";
import { withVariables } from "../../support/environment.ts";
import { withFolder } from "../../support/folders.ts";
import { testOnUnix } from "../../support/systems.ts";

const HOME = "/home/me";
const PLACES: [variables: Record<string, string>, cacheDir: string][] = [
  [{}, "/home/me/.cache/huggingface/hub"],
  [{ HOME: "/home/me/" }, "/home/me/.cache/huggingface/hub"],
  [{ XDG_CACHE_HOME: "$WORK/cache", WORK: "/w" }, "/w/cache/huggingface/hub"],
  [{ XDG_CACHE_HOME: "~/c", HF_HOME: "~/hf" }, "/home/me/hf/hub"],
  [{ HF_HOME: "${WORK}/${WHO}_hf", WORK: "/w", WHO: "me" }, "/w/me_hf/hub"],
  [{ HF_HOME: "/w/$WHO_hf", WHO: "me" }, "/w/$WHO_hf/hub"],
  [{ HF_HOME: "/w/$WHO-hf", WHO: "me" }, "/w/me-hf/hub"],
  [{ HF_HOME: "~", HUGGINGFACE_HUB_CACHE: "$WORK", WORK: "/w" }, "/w"],
  [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "~/new/$NONE" }, "/home/me/new/$NONE"],
  [{ HF_HUB_CACHE: "$WORK", WORK: "~/w" }, "~/w"],
];

for (const [variables, cacheDir] of PLACES) {
  testOnUnix(`the cache is at ${cacheDir} where the environment is ${JSON.stringify(variables)}`, async () => {
    assertEquals(await withVariables({ HOME, ...variables }, defaultCacheDir), cacheDir);
  });
}

testOnUnix("paths are expanded as Python's os.path does", async () => {
  const root = Deno.readTextFileSync("/etc/passwd").split("\n").find((line) => line.startsWith("root:"))!.split(":")[5];
  const paths = {
    "~": HOME,
    "~/": "/home/me/",
    "a~": "a~",
    "/~": "/~",
    "~root": root,
    "~root/a": `${root}/a`,
    "~nobody-of-that-name/a": "~nobody-of-that-name/a",
    "$A$B/${A}${B}": "1two/1two",
    "${}$": "${}$",
    "${A": "${A",
    "$ A": "$ A",
    "${A=B}": "${A=B}",
    "$C": "$A",
    "$EMPTY/a": "/a",
    "%A%": "%A%",
  };
  await withVariables({ HOME, A: "1", B: "two", C: "$A", EMPTY: "" }, () => {
    for (const [path, expanded] of Object.entries(paths)) assertEquals(expandPath(path), expanded, path);
  });
  assertEquals(await withVariables({ HOME: "/" }, () => ["~", "~/a"].map(expandPath)), ["/", "/a"]);
});

Deno.test("HF_HUB_OFFLINE, or else TRANSFORMERS_OFFLINE, sets the offline mode", async () => {
  for (const name of ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) {
    for (const value of ["1", "on", "ON", "Yes", "true"]) {
      assertEquals(await withVariables({ [name]: value }, isOfflineMode), true, `${name}=${value}`);
    }
    for (const value of ["", "0", "no", "2", "y", " 1"]) {
      assertEquals(await withVariables({ [name]: value }, isOfflineMode), false, `${name}=${value}`);
    }
  }
  assertEquals(await withVariables({ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }, isOfflineMode), false);
  assertEquals(await withVariables({ HF_HUB_OFFLINE: "", TRANSFORMERS_OFFLINE: "1" }, isOfflineMode), true);
});

Deno.test("tokens are taken from variables before the file, without line breaks and spaces", () =>
  withFolder(async (home) => {
    const path = join(home, "token");
    await Deno.writeTextFile(path, " hf_file\r\n");
    const find = async (variables: Record<string, string>) =>
      (await withVariables({ HF_HOME: home, ...variables }, findToken))?.value;
    assertEquals(await find({}), "hf_file");
    assertEquals(await find({ HUGGING_FACE_HUB_TOKEN: "hf_old\n" }), "hf_old");
    assertEquals(await find({ HF_TOKEN: "\thf_\r\nnew ", HUGGING_FACE_HUB_TOKEN: "hf_old" }), "hf_new");
    assertEquals(await find({ HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: "hf_old" }), "hf_old");
    assertEquals(await find({ HF_TOKEN: "\n", HUGGING_FACE_HUB_TOKEN: "hf_old" }), "hf_file");
    for (const value of ["1", "yes"]) {
      assertEquals(await find({ HF_TOKEN: "hf_new", HF_HUB_DISABLE_IMPLICIT_TOKEN: value }), undefined);
    }
    assertEquals(await find({ HF_TOKEN: "hf_new", HF_HUB_DISABLE_IMPLICIT_TOKEN: "0" }), "hf_new");
    assertEquals(await find({ HF_HOME: "/none", HF_TOKEN_PATH: "$PLACE/token", PLACE: home }), "hf_file");
    await Deno.writeTextFile(path, " \n");
    assertEquals(await find({}), undefined);
    assertEquals(await find({ HF_HOME: "/none" }), undefined);
  }));

Deno.test("the environment's token is for the Hub of the environment, or else the public one", async () => {
  const tokenFor = async (hubUrl: string | undefined, variables: Record<string, string>, token?: string) =>
    (await withVariables(
      { HF_TOKEN: "hf_env", ...variables },
      () => connectTo("owner/name", "load", "main", { hubUrl, token }),
    ))
      .token;
  for (const hubUrl of [undefined, "https://huggingface.co", "https://huggingface.co/", "https://HuggingFace.co:443"]) {
    assertEquals(await tokenFor(hubUrl, {}), "hf_env", hubUrl);
  }
  const others = [
    "http://huggingface.co",
    "https://huggingface.co.evil.example",
    "https://huggingface.co@evil.example",
  ];
  for (const hubUrl of [...others, "https://hub.example", "https://huggingface.co:8443"]) {
    assertEquals(await tokenFor(hubUrl, {}), undefined, hubUrl);
    assertEquals(await tokenFor(hubUrl, {}, "hf_own"), "hf_own", hubUrl);
  }
  const mirror = { HF_ENDPOINT: "https://hub.example/mirror/" };
  assertEquals(await tokenFor(undefined, mirror), "hf_env");
  assertEquals(await tokenFor("https://hub.example/mirror", mirror), "hf_env");
  assertEquals(await tokenFor("https://huggingface.co", mirror), undefined);
  assertEquals(await tokenFor("https://hub.example/mirror", mirror, ""), "");
});
