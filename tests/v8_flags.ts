// deno-lint-ignore-file no-console
/**
 * Prints the flag that lets V8 make one instruction on 256 bits of two on 128, where it can: on x86-64. The CPU engine is
 * 1.2 to 1.4 times as fast with it.
 */
const flag = "--v8-flags=--experimental-wasm-revectorize";
const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", flag, ""], stderr: "null" }).output();
if (success) console.log(flag);
