/** Protocol buffers, as much as an ONNX file needs of writing them. */

/** Something that can stand in a field. */
export interface Proto {
  readonly wire: 0 | 2 | 5;
  readonly length: number;
  write(to: Uint8Array, at: number): void;
  bytes(): Uint8Array<ArrayBuffer>;
}

function proto(wire: Proto["wire"], length: number, write: Proto["write"]): Proto {
  return {
    wire,
    length,
    write,
    bytes() {
      const bytes = new Uint8Array(length);
      write(bytes, 0);
      return bytes;
    },
  };
}

function plain(wire: Proto["wire"], bytes: Uint8Array): Proto {
  return proto(wire, bytes.length, (to, at) => to.set(bytes, at));
}

function base128(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** A whole number. */
export function varint(value: number): Proto {
  return plain(0, new Uint8Array(base128(value)));
}

/** A float32. */
export function float(value: number): Proto {
  return plain(5, new Uint8Array(new Float32Array([value]).buffer));
}

/** A string. */
export function text(value: string): Proto {
  return plain(2, new TextEncoder().encode(value));
}

/** The bytes of an array. */
export function raw(data: Float32Array | BigInt64Array): Proto {
  return plain(2, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** A message of numbered fields. */
export function message(fields: readonly (readonly [number, Proto])[]): Proto {
  const parts = fields.map(([number, value]) => {
    const head = [...base128(number << 3 | value.wire), ...(value.wire === 2 ? base128(value.length) : [])];
    return { head, value };
  });
  const length = parts.reduce((sum, { head, value }) => sum + head.length + value.length, 0);
  return proto(2, length, (to, at) => {
    for (const { head, value } of parts) {
      to.set(head, at);
      value.write(to, at + head.length);
      at += head.length + value.length;
    }
  });
}
