/** How much work is submitted to a WebGPU device at once. */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { DeviceError, Graph, type Program, type RunOptions, Tensor } from "../../../kernels/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { Forecast, LIMIT_MS, Pace } from "../../../kernels/webgpu/program/pace.ts";
import type { OpCost } from "../../../kernels/graph/cost.ts";
import { openDevice, testOn } from "../../support/engines.ts";

/** A device that computes `flops` in a millisecond, and a clock that only it moves. */
class FakeDevice {
  now = 1000;
  #busyUntil = 0;
  /** Milliseconds that it was busy with what was submitted at once. */
  readonly parts: number[] = [];
  waits = 0;

  constructor(readonly flops: number) {}

  get queue(): GPUQueue {
    const onSubmittedWorkDone = () => {
      this.waits++;
      this.now = Math.max(this.now + 10, this.#busyUntil);
      return Promise.resolve(undefined);
    };
    return { onSubmittedWorkDone } as unknown as GPUQueue;
  }

  compute(ops: readonly OpCost[]): void {
    const milliseconds = ops.reduce((sum, { flops }) => sum + flops, 0) / this.flops;
    this.parts.push(milliseconds);
    this.#busyUntil = Math.max(this.now, this.#busyUntil) + milliseconds;
  }
}

/** Runs a network of equal ops several times as a program does, on a clock of its own. */
async function run(device: FakeDevice, software: boolean, { ops, flops, times }: Record<string, number>) {
  const pace = new Pace(device.queue, software, () => device.now);
  const network = Array.from({ length: ops }, (): { op: OpCost } => ({
    op: { op: "conv2d", name: "", shape: [], flops, bytes: 0 },
  }));
  const forecast = new Forecast(pace, network);
  for (let i = 0; i < times; i++) {
    let last;
    for (let end = 0; end < ops; end = last.end) {
      if (!pace.hasRoom(forecast.partFrom(end, LIMIT_MS).milliseconds)) {
        const ratio = await pace.settle();
        if (last && ratio !== undefined) forecast.learn(last, ratio);
      }
      last = forecast.partFrom(end, LIMIT_MS);
      device.compute(network.slice(last.first, last.end).map(({ op }) => op));
      pace.add(last.milliseconds);
    }
    device.now += 1000; // the results are read
  }
}

testOn("webgpu", "a GPU is given a whole network at once, without waits", async () => {
  const device = new FakeDevice(1e10); // 10 TFLOP/s
  await run(device, false, { ops: 100, flops: 3e8, times: 10 });
  assertEquals([device.parts.length, device.waits], [10, 0]);
});

testOn(
  "webgpu",
  "a slow device is given parts of a third of a second, even if it is ten times faster or slower than most",
  async () => {
    for (const flops of [2e5, 2e6, 2e7]) {
      const device = new FakeDevice(flops);
      const each = 20 * flops; // 20 ms
      await run(device, true, { ops: 200, flops: each, times: 3 });
      assertLess(Math.max(...device.parts), 1.5 * LIMIT_MS);
      assert(device.parts.at(-2)! > LIMIT_MS / 2, `${device.parts.at(-2)} ms are short`);
      assertLess(device.parts.length, 3 * (3 * 200 * 20 / LIMIT_MS));
    }
  },
);

/** A device that counts its submissions, waits and dispatches. */
async function countingDevice() {
  const device = await openDevice();
  const counts = { submissions: 0, waits: 0, dispatches: 0 };
  const { queue } = device;
  const [submit, onSubmittedWorkDone] = [queue.submit.bind(queue), queue.onSubmittedWorkDone.bind(queue)];
  queue.submit = (commands) => {
    counts.submissions++;
    submit(commands);
  };
  queue.onSubmittedWorkDone = () => {
    counts.waits++;
    return onSubmittedWorkDone();
  };
  const createEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createEncoder(descriptor);
    const beginPass = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (descriptor) => {
      const pass = beginPass(descriptor);
      const dispatch = pass.dispatchWorkgroups.bind(pass);
      pass.dispatchWorkgroups = (...grid) => {
        counts.dispatches++;
        dispatch(...grid);
      };
      return pass;
    };
    return encoder;
  };
  return { device, counts };
}

const CONV = { kind: "conv", name: "conv", in: 32, out: 32, kernel: 3, stride: 1 } as const;
const SHAPE = [1, 32, 128, 128];

/** A network that takes Mesa's software adapter seconds. */
function longNetwork(): Graph {
  const graph = new Graph();
  let h = graph.input(SHAPE);
  for (let i = 0; i < 24; i++) h = graph.conv2d(h, CONV);
  graph.output(h);
  return graph;
}

/** Compiles it on a device; `run` runs it. */
async function open(device: GPUDevice) {
  const backend = await createWebGpuBackend({ device, algorithm: "implicitGemm" });
  await backend.setParameter(CONV, new Float32Array(9 * 32 * 32), new Float32Array(32));
  const program = await backend.compile(longNetwork());
  const run = async (options?: RunOptions) => {
    using given = new Tensor(new Float32Array(32 * 128 * 128), SHAPE);
    return await runOnce(program, given, options);
  };
  return { backend, run };
}

async function runOnce(program: Program, given: Tensor, options?: RunOptions): Promise<void> {
  const [result] = await program.run([given], options);
  result.dispose();
}

testOn("webgpu", "a long network can be aborted between its parts", async () => {
  const { device, counts } = await countingDevice();
  const { backend, run } = await open(device);
  await run();
  const whole = counts.submissions;
  assert(whole > 3, `${whole} submissions`);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assertRejects(() => run({ signal: controller.signal }), Error, "enough");
  assertLess(counts.submissions - whole, whole);
  backend.dispose();
  device.destroy();
});

/** WebGPU that reports when its device is destroyed, and when a wait for its queue ends. */
function reportingGpu(events: string[]): GPU {
  const requestDevice = async () => {
    const device = await openDevice();
    const destroy = device.destroy.bind(device);
    const done = device.queue.onSubmittedWorkDone.bind(device.queue);
    device.destroy = () => {
      events.push("destroyed");
      destroy();
    };
    device.queue.onSubmittedWorkDone = async () => {
      await done();
      events.push("done");
    };
    return device;
  };
  const adapter = { features: new Set(), limits: {}, info: { description: "llvmpipe" }, requestDevice };
  return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
}

testOn(
  "webgpu",
  "a model that is disposed stops between parts, and its device is destroyed after the submitted work",
  async () => {
    const events: string[] = [];
    const backend = await createWebGpuBackend({ gpu: reportingGpu(events), algorithm: "implicitGemm" });
    await backend.setParameter(CONV, new Float32Array(9 * 32 * 32), new Float32Array(32));
    const program = await backend.compile(longNetwork());
    const running = runOnce(program, new Tensor(new Float32Array(32 * 128 * 128), SHAPE));
    await new Promise((resolve) => setTimeout(resolve, 100));
    backend.dispose();
    assertEquals(events.includes("destroyed"), false);
    await assertRejects(() => running, DeviceError, "the model was disposed");
    while (!events.includes("destroyed")) await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(events.slice(-2), ["done", "destroyed"]);
  },
);

testOn("webgpu", "a large convolution is more than one dispatch", async () => {
  const { device, counts } = await countingDevice();
  const backend = await createWebGpuBackend({ device, algorithm: "implicitGemm" });
  await backend.setParameter(CONV, new Float32Array(9 * 32 * 32), new Float32Array(32));
  const graph = new Graph();
  graph.output(graph.conv2d(graph.input([1, 32, 512, 512]), CONV)); // 5 GFLOP
  const program = await backend.compile(graph);
  await runOnce(program, new Tensor(new Float32Array(32 * 512 * 512), [1, 32, 512, 512]));
  assert(counts.dispatches >= 5, `${counts.dispatches} dispatches`);
  backend.dispose();
  device.destroy();
});

testOn("webgpu", "a device can be used after its adapter was garbage-collected", async () => {
  const url = (path: string) => new URL(path, import.meta.url).href;
  const script = `
    import { VQModel } from "${url("../../../mod.ts")}";
    const open = async () => await (await navigator.gpu.requestAdapter()).requestDevice();
    const device = await open();
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      gc();
    }
    const model = await VQModel.fromPretrained(new URL("${url("../../../examples/models/leaves-f4")}"), { device });
    console.log(model.device);
    Deno.exit();`;
  const map = new URL("../../../tools/offline/import_map.json", import.meta.url).pathname;
  const args = ["eval", `--import-map=${map}`, "--v8-flags=--expose-gc", script];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals(new TextDecoder().decode(stdout), "webgpu\n", new TextDecoder().decode(stderr));
});
