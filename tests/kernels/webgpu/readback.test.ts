/** Reading results that are too large to be copied at once. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Graph, Tensor } from "../../../kernels/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { PIECE } from "../../../kernels/webgpu/program/readback.ts";
import { testOn } from "../../support/engines.ts";

const SIDE = 1664;
const SHAPE = [1, 4, SIDE, SIDE];
const SAME = { kind: "conv", name: "same", in: 4, out: 4, kernel: 1, stride: 1 } as const;

testOn(
  "webgpu",
  "a large result is read in pieces and within the planned memory, even if it is disposed meanwhile",
  async () => {
    const backend = await createWebGpuBackend();
    const identity = Float32Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0);
    await backend.setParameter(SAME, identity, new Float32Array(4));
    const g = new Graph();
    g.output(g.conv2d(g.input(SHAPE), SAME));
    const program = await backend.compile(g);
    const picture = Float32Array.from({ length: 4 * SIDE * SIDE }, (_, i) => i % 1000);
    assert(picture.byteLength > PIECE && picture.byteLength % PIECE !== 0);

    const [result] = await program.run([new Tensor(picture, SHAPE)]);
    const reading = result.data();
    result.dispose();
    const [other] = await program.run([new Tensor(new Float32Array(picture.length), SHAPE)]);
    assertEquals(Buffer.from((await reading).buffer).compare(Buffer.from(picture.buffer)), 0);
    other.dispose();
    const { buffers } = backend.memory;
    const twoResults = program.bytes + picture.byteLength; // the second began before the first was read
    assert(buffers <= twoResults, `${buffers} of ${twoResults}`);
    backend.dispose();
  },
);
