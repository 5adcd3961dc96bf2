const toUtf8 = /* @__PURE__ */ new TextEncoder();

/** The bytes of an IPv4 address. */
function parseIpv4(text: string): number[] | undefined {
  const byte = /^(0|[1-9][0-9]{0,2})$/;
  const bytes = text.split(".").map((part) => (byte.test(part) ? Number(part) : 256));
  return bytes.length === 4 && bytes.every((byte) => byte < 256) ? bytes : undefined;
}

/** The groups of 16 bits of an IPv6 address. */
function parseIpv6(text: string): number[] | undefined {
  // The last two groups may be written as an IPv4 address.
  const [, begin = "", end = ""] = /^(.*:)([0-9.]+)$/.exec(text) ?? [];
  const [a, b, c, d] = parseIpv4(end) ?? [];
  const tail =
    a !== undefined && b !== undefined && c !== undefined && d !== undefined
      ? [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(":")
      : "";
  const [before = "", after, ...more] = (tail === "" ? text : begin + tail).split("::");
  const groups = (half: string): number[] =>
    half === "" ? [] : half.split(":").map((group) => (/^[0-9a-fA-F]{1,4}$/.test(group) ? Number(`0x${group}`) : -1));
  const [first, last] = [groups(before), groups(after ?? "")];
  const zeros = 8 - first.length - last.length;
  if (after === undefined ? zeros !== 0 : zeros < 1 || more.length > 0) return undefined;
  const all = [...first, ...Array.from({ length: zeros }, () => 0), ...last];
  return all.every((group) => group >= 0) ? all : undefined;
}

/** Puts a message together. */
class Writer extends Walk {
  private message = new Uint8Array(64);
  private view = new DataView(this.message.buffer);
  private end = 0;

  fail(reason: string): never {
    throw new EncodeError(`${this.here()}: ${reason}`);
  }

  /** The message. */
  finish(): OwnBytes {
    return this.message.slice(0, this.end);
  }

  u8(value: number): void {
    this.integer("a u8", value, 0, 0xff);
    this.grow(1).setUint8(this.end - 1, value);
  }

  i8(value: number): void {
    this.integer("an i8", value, -0x80, 0x7f);
    this.grow(1).setInt8(this.end - 1, value);
  }

  u16(value: number): void {
    this.integer("a u16", value, 0, 0xffff);
    this.grow(2).setUint16(this.end - 2, value);
  }

  i16(value: number): void {
    this.integer("an i16", value, -0x8000, 0x7fff);
    this.grow(2).setInt16(this.end - 2, value);
  }

  u32(value: number): void {
    this.integer("a u32", value, 0, 0xffff_ffff);
    this.grow(4).setUint32(this.end - 4, value);
  }

  i32(value: number): void {
    this.integer("an i32", value, -0x8000_0000, 0x7fff_ffff);
    this.grow(4).setInt32(this.end - 4, value);
  }

  u64(value: bigint): void {
    this.expect("bigint", "a bigint", value);
    if (BigInt.asUintN(64, value) !== value) this.fail(`${value} does not fit a u64`);
    this.grow(8).setBigUint64(this.end - 8, value);
  }

  i64(value: bigint): void {
    this.expect("bigint", "a bigint", value);
    if (BigInt.asIntN(64, value) !== value) this.fail(`${value} does not fit an i64`);
    this.grow(8).setBigInt64(this.end - 8, value);
  }

  u128(value: bigint): void {
    this.expect("bigint", "a bigint", value);
    if (BigInt.asUintN(128, value) !== value) this.fail(`${value} does not fit a u128`);
    this.wide(value);
  }

  i128(value: bigint): void {
    this.expect("bigint", "a bigint", value);
    if (BigInt.asIntN(128, value) !== value) this.fail(`${value} does not fit an i128`);
    this.wide(value);
  }

  nonZero<T extends number | bigint>(value: T, write: (w: Writer, value: T) => void): void {
    write(this, value);
    if (!value) this.fail("the number must not be 0");
  }

  f32(value: number): void {
    this.expect("number", "a number", value);
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) this.fail(`${value} does not fit an f32`);
    this.grow(4).setFloat32(this.end - 4, value);
  }

  f64(value: number): void {
    this.expect("number", "a number", value);
    this.grow(8).setFloat64(this.end - 8, value);
  }

  bool(value: boolean): void {
    this.expect("boolean", "a boolean", value);
    this.u8(value ? 1 : 0);
  }

  char(value: string): void {
    this.expect("string", "a string of one character", value);
    const code = value.codePointAt(0);
    if (code === undefined || value.length !== (code > 0xffff ? 2 : 1) || (code >= 0xd800 && code < 0xe000)) {
      this.fail("the string is not one character");
    }
    this.u32(code);
  }

  /** Milliseconds. */
  duration(value: number): void {
    this.expect("number", "a number of milliseconds", value);
    if (!(value >= 0 && value < 2e22)) this.fail(`${value} does not fit a Duration`);
    const whole = Math.floor(value);
    const seconds = Math.floor(whole / 1e3);
    // Beyond 2^53, where a division is not exact.
    const rest = Number(BigInt(whole) - BigInt(seconds) * 1000n);
    const nanos = BigInt(rest * 1e6 + Math.round((value - whole) * 1e6));
    const exact = BigInt(seconds) * 1_000_000_000n + nanos;
    if (exact >= 1_000_000_000n << 64n) this.fail(`${value} does not fit a Duration`);
    this.u64(exact / 1_000_000_000n);
    this.u32(Number(exact % 1_000_000_000n));
  }

  date(value: Date): void {
    if (!(value instanceof Date)) this.fail("a Date is needed");
    const seconds = Math.floor(value.getTime() / 1e3);
    if (!(seconds < MAX_SECONDS)) this.fail("the time is out of range");
    this.i64(BigInt(seconds));
    this.u32((value.getTime() - seconds * 1e3) * 1e6);
  }

  ipv4(value: string): void {
    this.expect("string", "a string with an address", value);
    (parseIpv4(value) ?? this.fail("the string is no IPv4 address")).forEach((byte) => this.u8(byte));
  }

  ipv6(value: string): void {
    this.expect("string", "a string with an address", value);
    (parseIpv6(value) ?? this.fail("the string is no IPv6 address")).forEach((group) => this.u16(group));
  }

  ip(value: string): void {
    this.expect("string", "a string with an address", value);
    const [v4, v6] = [parseIpv4(value), parseIpv6(value)];
    this.u8(v4 === undefined ? 6 : 4);
    if (v4 !== undefined) this.ipv4(value);
    else if (v6 !== undefined) this.ipv6(value);
    else this.fail("the string is no IP address");
  }

  string(value: string): void {
    this.expect("string", "a string", value);
    // An encoder would silently replace half of a surrogate pair.
    if (/\p{Surrogate}/u.test(value)) this.fail("the text contains half of a surrogate pair");
    this.bytes(toUtf8.encode(value));
  }

  /** Bytes behind their count, or exactly `length` of them without one. */
  bytes(value: Uint8Array, length?: number): void {
    if (!(value instanceof Uint8Array)) this.fail("a Uint8Array is needed");
    this.counted(value.length, length);
    this.put(value);
  }

  /** Items behind their count, or exactly `length` of them without one. */
  list<T>(value: readonly T[], write: (w: Writer, item: T) => void, length?: number): void {
    if (!Array.isArray(value)) this.fail("an array is needed");
    this.counted(value.length, length);
    this.enter();
    value.forEach((item, at) => write(this.at(at), item));
    this.leave();
  }

  /** Items in the order of their bytes. */
  set<T>(value: ReadonlySet<T>, write: (w: Writer, item: T) => void): void {
    if (!(value instanceof Set)) this.fail("a Set is needed");
    this.sorted(value, (item) => {
      write(this, item);
      return this.end;
    });
  }

  /** Entries in the order of their keys' bytes. */
  map<K, V>(
    value: ReadonlyMap<K, V>,
    writeKey: (w: Writer, key: K) => void,
    writeValue: (w: Writer, value: V) => void,
  ): void {
    if (!(value instanceof Map)) this.fail("a Map is needed");
    this.sorted(value, ([key, value]) => {
      this.enter();
      writeKey(this.at("key"), key);
      const end = this.end;
      writeValue(this.at("value"), value);
      this.leave();
      return end;
    });
  }

  option<T>(value: T | null, write: (w: Writer, value: T) => void): void {
    this.u8(value === null ? 0 : 1);
    if (value !== null) write(this, value);
  }

  /** The value, which has properties. */
  object<T>(value: T): T {
    if (typeof value !== "object" || value === null) this.fail("an object is needed");
    return value;
  }

  /** A value with parts. */
  parts<T>(value: T, write: (w: Writer, value: T) => void): void {
    this.enter();
    write(this, value);
    this.leave();
  }

  /** A struct or an enum that may contain itself. */
  nested<T>(value: T, write: (w: Writer, value: T) => void): void {
    this.descend();
    write(this, value);
    this.ascend();
  }

  /** A float that is sent as an integer; the nearer end of its range where it is beyond it. */
  quantised(value: number, integer: "u8" | "u16" | "u32", float: "f32" | "f64", min: number, max: number): void {
    this.expect("number", "a number", value);
    const exact = float === "f32" ? Math.fround(value) : value;
    const sent = Math.floor(((exact - min) / (max - min)) * TOP[integer] + 0.5);
    this[integer](Number.isNaN(sent) ? 0 : Math.min(Math.max(sent, 0), TOP[integer]));
  }

  noVariant(value: unknown): never {
    return this.fail(`${JSON.stringify(value)} is no variant`);
  }

  /** Writes the items of a set or a map; `write` returns where the item's key ends. */
  private sorted<T>(items: Iterable<T> & { readonly size: number }, write: (item: T) => number): void {
    this.count(items.size);
    this.enter();
    const start = this.end;
    const written: { at: number; key: Uint8Array; bytes: Uint8Array }[] = [];
    for (const item of items) {
      const at = written.length;
      this.at(at);
      const end = write(item);
      written.push({ at, key: this.message.slice(start, end), bytes: this.message.slice(start, this.end) });
      this.end = start;
    }
    written.sort((a, b) => compare(a.key, b.key));
    written.forEach(({ at, key, bytes }, position) => {
      const before = written[position - 1];
      if (before !== undefined && compare(before.key, key) === 0) this.at(at).fail("an equal item or key came before");
      this.put(bytes);
    });
    this.leave();
  }

  private expect(type: string, what: string, value: unknown): void {
    if (typeof value !== type) this.fail(`${what} is needed, not ${value === null ? "null" : typeof value}`);
  }

  // `DataView` would silently wrap what is out of range.
  private integer(type: string, value: number, min: number, max: number): void {
    this.expect("number", "a number", value);
    if (!Number.isInteger(value) || value < min || value > max) this.fail(`${value} does not fit ${type}`);
  }

  private wide(value: bigint): void {
    const view = this.grow(16);
    view.setBigUint64(this.end - 16, BigInt.asUintN(64, value >> 64n));
    view.setBigUint64(this.end - 8, BigInt.asUintN(64, value));
  }

  private counted(length: number, needed: number | undefined): void {
    if (needed === undefined) this.count(length);
    else if (needed !== length) this.fail(`an array of ${needed} is needed, not of ${length}`);
  }

  private count(count: number): void {
    let rest = count;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.u8((rest % 128) + 128);
    this.u8(rest);
  }

  private put(bytes: Uint8Array): void {
    this.grow(bytes.length);
    this.message.set(bytes, this.end - bytes.length);
  }

  /** Makes room for `length` more bytes at the end. */
  private grow(length: number): DataView {
    this.end += length;
    if (this.end > this.message.length) {
      const message = new Uint8Array(Math.max(this.end, this.message.length * 2));
      message.set(this.message);
      this.message = message;
      this.view = new DataView(message.buffer);
    }
    return this.view;
  }
}

/** How every event becomes bytes. */
function encode<T>(event: string, write: (w: Writer, value: T) => void, value: T): OwnBytes {
  const writer = new Writer(event);
  write(writer, value);
  return writer.finish();
}

function unknownEvent(event: unknown): never {
  throw new EncodeError(`the schema has no event ${JSON.stringify((event as { type: unknown }).type)}`);
}
