/** What `decode` takes. */
export type Bytes = Uint8Array | ArrayBuffer;

/**
 * Bytes in memory that nobody shares, as the browser's functions want them: `Uint8Array<ArrayBuffer>`, and `Uint8Array`
 * before TypeScript 5.7, which does not tell them apart.
 */
export type OwnBytes = ReturnType<Uint8Array["slice"]>;

/**
 * An event: its name and id, and how it becomes bytes and comes back. `Decoded` differs from `T` where the event has
 * fields of bytes, which are `OwnBytes` when they come back.
 */
export interface EventCodec<Name extends string, T, Decoded extends T = T> {
  /** The event's name: `player:move`. */
  readonly name: Name;
  /** The event's id on the wire. */
  readonly id: number;
  /** The bytes of an event. Throws an `EncodeError` where a value does not fit its type. */
  encode(event: T): OwnBytes;
  /** The event of these bytes. Throws a `DecodeError` where they are no such event; a longer tail is ignored. */
  decode(bytes: Bytes): Decoded;
}

/** A value that does not fit its type: in which field, and why. */
export class EncodeError extends Error {
  override readonly name: string = "EncodeError";
}

/** Bytes that are not a valid message: in which field, at which byte, and why. */
export class DecodeError extends Error {
  override readonly name: string = "DecodeError";
}

/** The largest integers that a float is sent as. */
const TOP = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff };

/** How far a point in time may be from 1970, in seconds. */
const MAX_SECONDS = 8.64e12;

/** A plain array over the same memory; that of a Node `Buffer` would be shared by its `slice`, too. */
function plain(bytes: Bytes): Uint8Array {
  return bytes instanceof Uint8Array
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/** Negative, 0 or positive, as `a` is less than, equal to or greater than `b`, byte by byte. */
function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The way from an event to one of its parts: `entities[3].name`. */
abstract class Walk {
  protected readonly event: string;
  private readonly path: (string | number)[] = [];
  private length = 0;

  /** How many structs and enums that may contain themselves it is in. */
  private depth = 0;

  constructor(event: string) {
    this.event = event;
  }

  /** To this part of the value; where there is none, the value as a whole. */
  at(part: string | number): this {
    this.path[this.length - 1] = part;
    return this;
  }

  protected enter(): void {
    this.length += 1;
    this.at("");
  }

  protected leave(): void {
    this.length -= 1;
  }

  /** Into a struct or an enum that may contain itself. */
  protected descend(): void {
    if (this.depth === MAX_DEPTH) {
      this.fail(`the value is nested deeper than ${MAX_DEPTH} structs and enums`);
    }
    this.depth += 1;
    this.enter();
  }

  protected ascend(): void {
    this.depth -= 1;
    this.leave();
  }

  /** The beginning of a message about what is wrong here. */
  protected here(): string {
    const parts = this.path.slice(0, this.length).filter((part) => part !== "");
    const text = parts.map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? part : `.${part}`));
    return `event \`${this.event}\`` + (parts.length === 0 ? "" : `, field \`${text.join("")}\``);
  }

  abstract fail(reason: string): never;
}
