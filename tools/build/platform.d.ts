// What this package's types name of the platform. Where a project's libraries have these, both declarations merge.

// deno-lint-ignore no-empty-interface
interface GPUDeviceLostInfo {}

interface GPUDevice {
  readonly lost: Promise<GPUDeviceLostInfo>;
}

interface ImageBitmap {
  readonly width: number;
  readonly height: number;
}

interface OffscreenCanvas {
  width: number;
  height: number;
}

interface ImageData {
  readonly width: number;
  readonly height: number;
}

// deno-lint-ignore no-empty-interface
interface MessagePort {}
