/**
 * Drawings as SVG.
 *
 * @module
 */

import type { Drawing, Shape, Text } from "./drawing.ts";

/** The text of an SVG file. */
export function svgOf({ width, height, shapes }: Drawing): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif">
<rect width="100%" height="100%" fill="#ffffff"/>
${shapes.map(elementOf).join("\n")}
</svg>
`;
}

function elementOf(shape: Shape): string {
  if ("text" in shape) return textOf(shape);
  if ("line" in shape) {
    const points = shape.line.map((point) => point.map(rounded).join(" ")).join("L");
    return `<path d="M${points}" fill="none" stroke="${shape.color}" stroke-width="${shape.width}"/>`;
  }
  const [x, y, width, height] = shape.rectangle.map(rounded);
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${shape.color}"/>`;
}

function textOf({ text, at, anchor, size, isUpright }: Text): string {
  const [x, y] = at.map(rounded);
  const turn = isUpright ? ` transform="rotate(-90 ${x} ${y})"` : "";
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}"${turn}>${text}</text>`;
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10;
}
