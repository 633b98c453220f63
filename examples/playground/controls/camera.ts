/// <reference lib="dom" />
/**
 * The camera.
 *
 * @module
 */

import { create, find, pngOf } from "../views/dom.ts";

/** Shows the camera in a dialog. Resolves to a picture, or to `undefined` if the dialog is closed. */
export async function takePicture(): Promise<Blob | undefined> {
  if (!navigator.mediaDevices) throw new Error("Cannot use the camera: the page must be served over https");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } }).catch((cause) => {
    throw new Error(`Cannot use the camera: ${cause.message}`, { cause });
  });
  const dialog = find("dialog", "camera-dialog");
  const video = find("video", "camera-video");
  const taken = new Promise<Blob | undefined>((resolve) => {
    find("button", "camera-take").onclick = () => resolve(frameOf(video));
    find("button", "camera-cancel").onclick = () => resolve(undefined);
    dialog.onclose = () => resolve(undefined); // perhaps before the video plays
  });
  try {
    video.srcObject = stream;
    dialog.showModal();
    await video.play();
    return await taken;
  } finally {
    dialog.close();
    video.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}

/** What a video shows, as a PNG file. */
function frameOf(video: HTMLVideoElement): Promise<Blob> {
  const canvas = create("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")!.drawImage(video, 0, 0);
  return pngOf(canvas);
}
