/**
 * Runs the tests in two processes at once: those of the engines and the model, which compute, and all others with the examples
 * of the documentation, which mostly wait for processes, servers and disks. With paths, runs the tests there in one.
 *
 *     deno run -A tools/run_tests.ts [FLAGS of deno test] [PATHS]
 */

/** The tests that compute. */
const COMPUTING = ["tests/kernels", "tests/model"];

const flags = Deno.args.filter((arg) => arg.startsWith("-"));
const paths = Deno.args.filter((arg) => !arg.startsWith("-"));

function test(args: readonly string[], output: "inherit" | "piped"): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), { args: ["test", ...flags, ...args], stdout: output, stderr: output })
    .spawn();
}

/** Runs both; the output of the second follows that of the first. */
async function testAll(): Promise<number> {
  const first = test(COMPUTING, "inherit");
  const second = test(["--doc", `--ignore=${COMPUTING}`], "piped");
  const [{ code }, others] = await Promise.all([first.status, second.output()]);
  await Deno.stdout.write(others.stdout);
  await Deno.stderr.write(others.stderr);
  return code || others.code;
}

Deno.exit(paths.length > 0 ? (await test(paths, "inherit").status).code : await testAll());
