const fromUtf8 = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of an address, with `::` for the first of its longest runs of zeros. */
function formatIpv6(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16));
  // An IPv4 address in the form of IPv6.
  if (/^(0,){5}65535,/.test(groups.join())) {
    const [a = 0, b = 0] = groups.slice(6);
    return `::ffff:${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
  }
  let [start, length] = [0, 1];
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  if (length === 1) return text.join(":");
  return `${text.slice(0, start).join(":")}::${text.slice(start + length).join(":")}`;
}

/** Takes a message apart from front to back, and never more of it than there is. */
class Reader extends Walk {
  private readonly message: Uint8Array;
  private readonly view: DataView;
  private offset = 0;

  /** The version of the event whose fields are being read. */
  private version = 1;

  /** Whether the message is older than that. */
  private older = false;

  constructor(event: string, bytes: Bytes) {
    super(event);
    this.message = plain(bytes);
    this.view = new DataView(this.message.buffer, this.message.byteOffset, this.message.byteLength);
  }

  fail(reason: string, offset = this.offset): never {
    throw new DecodeError(`${this.here()}, byte ${offset}: ${reason}`);
  }

  u8(): number {
    return this.view.getUint8(this.skip(1));
  }

  i8(): number {
    return this.view.getInt8(this.skip(1));
  }

  u16(): number {
    return this.view.getUint16(this.skip(2));
  }

  i16(): number {
    return this.view.getInt16(this.skip(2));
  }

  u32(): number {
    return this.view.getUint32(this.skip(4));
  }

  i32(): number {
    return this.view.getInt32(this.skip(4));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.skip(8));
  }

  i64(): bigint {
    return this.view.getBigInt64(this.skip(8));
  }

  u128(): bigint {
    const start = this.skip(16);
    return (this.view.getBigUint64(start) << 64n) | this.view.getBigUint64(start + 8);
  }

  i128(): bigint {
    return BigInt.asIntN(128, this.u128());
  }

  f32(): number {
    return this.view.getFloat32(this.skip(4));
  }

  f64(): number {
    return this.view.getFloat64(this.skip(8));
  }

  bool(): boolean {
    return this.flag("a bool is");
  }

  nonZero<T extends number | bigint>(read: (r: Reader) => T): T {
    const start = this.offset;
    const value = read(this);
    if (!value) this.fail("the number must not be 0", start);
    return value;
  }

  char(): string {
    const code = this.u32();
    if (code > 0x10_ffff || (code >= 0xd800 && code < 0xe000)) this.fail(`${code} is no character`, this.offset - 4);
    return String.fromCodePoint(code);
  }

  /** Milliseconds. */
  duration(): number {
    const seconds = Number(this.u64());
    const nanos = this.nanos();
    // One division of integers gives the nearest number.
    return seconds < 9e6 ? (seconds * 1e9 + nanos) / 1e6 : seconds * 1e3 + nanos / 1e6;
  }

  date(): Date {
    const seconds = Number(this.i64());
    if (seconds < -MAX_SECONDS || seconds >= MAX_SECONDS) this.fail("the time is out of range", this.offset - 8);
    return new Date(seconds * 1e3 + Math.floor(this.nanos() / 1e6));
  }

  ipv4(): string {
    return this.slice(4).join(".");
  }

  ipv6(): string {
    return formatIpv6(this.array(8, (r) => r.u16()));
  }

  ip(): string {
    const version = this.u8();
    if (version === 4) return this.ipv4();
    if (version === 6) return this.ipv6();
    return this.fail(`an address begins with 4 or 6, not ${version}`, this.offset - 1);
  }

  string(): string {
    const bytes = this.slice(this.count(1));
    try {
      return fromUtf8.decode(bytes);
    } catch {
      return this.fail("the text is not UTF-8", this.offset - bytes.length);
    }
  }

  /** `length` bytes, or as many as the count in front of them says. */
  bytes(length = this.count(1)): OwnBytes {
    return this.slice(length).slice();
  }

  /** A value with parts. */
  parts<T>(read: (r: Reader) => T): T {
    this.enter();
    const value = read(this);
    this.leave();
    return value;
  }

  /** A struct or an enum that may contain itself. */
  nested<T>(read: (r: Reader) => T): T {
    this.descend();
    const value = read(this);
    this.ascend();
    return value;
  }

  noVariant(tag: number): never {
    return this.fail(`no variant has the tag ${tag}`, this.offset - 1);
  }

  /** A float from `min` to `max` that was sent as an integer. */
  quantised(integer: "u8" | "u16" | "u32", float: "f32" | "f64", min: number, max: number): number {
    const value = min + (max - min) * (this[integer]() / TOP[integer]);
    return float === "f32" ? Math.fround(value) : value;
  }

  array<T>(length: number, read: (r: Reader) => T): T[] {
    const items: T[] = [];
    this.enter();
    for (let at = 0; at < length; at++) items.push(read(this.at(at)));
    this.leave();
    return items;
  }

  /** Items of `minSize` bytes each, at least, behind their count. */
  list<T>(minSize: number, read: (r: Reader) => T): T[] {
    return this.array(this.count(minSize), read);
  }

  set<T>(minSize: number, read: (r: Reader) => T): Set<T> {
    let before: Uint8Array | undefined;
    const items = this.list(minSize, () => {
      const start = this.offset;
      const item = read(this);
      before = this.after(before, start);
      return item;
    });
    return new Set(items);
  }

  map<K, V>(minSize: number, readKey: (r: Reader) => K, readValue: (r: Reader) => V): Map<K, V> {
    let before: Uint8Array | undefined;
    const entry = (): [K, V] => {
      const start = this.offset;
      const key = readKey(this.at("key"));
      before = this.after(before, start);
      return [key, readValue(this.at("value"))];
    };
    return new Map(this.list(minSize, () => this.parts(entry)));
  }

  option<T>(read: (r: Reader) => T): T | null {
    return this.flag("an option begins with") ? read(this) : null;
  }

  /** A field that `version` of the event has appended: `bytes` are its value in older messages. */
  since<T>(version: number, bytes: readonly number[], read: (r: Reader) => T): T {
    // A version's fields are in the message all together, or not at all.
    if (version > this.version) {
      this.version = version;
      this.older ||= this.offset === this.message.length;
    }
    return read(this.older ? new Reader(this.event, Uint8Array.from(bytes)) : this);
  }

  /** The bytes from `start` on, which come after those `before` them in a set or a map. */
  private after(before: Uint8Array | undefined, start: number): Uint8Array {
    const bytes = this.message.subarray(start, this.offset);
    if (before !== undefined && compare(before, bytes) >= 0) {
      this.fail("the encoding does not come after the one before it", start);
    }
    return bytes;
  }

  private nanos(): number {
    const nanos = this.u32();
    if (nanos >= 1e9) this.fail(`a second has less than 1000000000 nanoseconds, not ${nanos}`, this.offset - 4);
    return nanos;
  }

  private flag(what: string): boolean {
    const byte = this.u8();
    if (byte > 1) this.fail(`${what} 0 or 1, not ${byte}`, this.offset - 1);
    return byte === 1;
  }

  private count(minSize: number): number {
    const start = this.offset;
    let count = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if ((shift === 28 && byte > 15) || (shift > 0 && byte === 0)) {
        this.fail("the count is not the shortest form of a u32", start);
      }
      count += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    // Nothing is allocated for items that the rest of the message cannot hold.
    this.need(count * Math.max(minSize, 1));
    return count;
  }

  private slice(length: number): Uint8Array {
    const start = this.skip(length);
    return this.message.subarray(start, this.offset);
  }

  private skip(length: number): number {
    this.need(length);
    this.offset += length;
    return this.offset - length;
  }

  private need(length: number): void {
    const left = this.message.length - this.offset;
    if (left < length) {
      const needed = `${length} ${length === 1 ? "byte is" : "bytes are"} needed`;
      this.fail(`${needed}, ${left} ${left === 1 ? "is" : "are"} left`);
    }
  }
}

/** How every event comes back. */
function decode<T>(event: string, read: (r: Reader) => T, bytes: Bytes): T {
  return read(new Reader(event, bytes));
}
