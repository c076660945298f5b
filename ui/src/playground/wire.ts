// Protocol Buffers as bytes: only what the schema of the service's clients needs.

/** Writes fields; a field that is not there is simply not written. */
export class Writer {
  #parts: number[] = [];

  varint(field: number, value: number | bigint | undefined) {
    if (value === undefined) return this;
    this.#key(field, 0);
    this.#varint(BigInt(value));
    return this;
  }

  bytes(field: number, value: Uint8Array | undefined) {
    if (value === undefined) return this;
    this.#key(field, 2);
    this.#varint(BigInt(value.length));
    for (const byte of value) this.#parts.push(byte);
    return this;
  }

  text(field: number, value: string | undefined) {
    return this.bytes(field, value === undefined ? undefined : new TextEncoder().encode(value));
  }

  message(field: number, value: Writer | undefined) {
    return this.bytes(field, value?.done());
  }

  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#parts);
  }

  #key(field: number, type: number) {
    this.#varint(BigInt((field << 3) | type));
  }

  #varint(value: bigint) {
    let rest = value;
    while (rest > 0x7fn) {
      this.#parts.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.#parts.push(Number(rest));
  }
}

export type Field = { field: number; value: bigint | Uint8Array<ArrayBuffer> };

/** Reads the fields of a message, in their order. */
export function* fields(bytes: Uint8Array<ArrayBuffer>): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("The message ends within a number.");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error("A number is longer than ten bytes.");
  };
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error("The message ends within a field.");
    at += length;
    return bytes.slice(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const field = key >> 3;
    const type = key & 7;
    if (type === 0) yield { field, value: varint() };
    else if (type === 2) yield { field, value: take(Number(varint())) };
    else if (type === 1) yield { field, value: take(8) };
    else if (type === 5) yield { field, value: take(4) };
    else throw new Error(`There is no wire type ${type}.`);
  }
}
