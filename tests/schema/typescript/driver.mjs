// The other side of the tests of the generated TypeScript. It knows the schema from its JSON description:
//
//   node driver.mjs <module> <description> make <count>   makes events: a line of {id, json, hex} for each
//   node driver.mjs <module> <description> decode         reads lines of {id, hex}, answers {json, hex} or {error}
//
// `json` is text in these lines, because it may be nested deeper than a parser likes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [moduleFile, descriptionFile, mode, count] = process.argv.slice(2);
const module = await import(pathToFileURL(moduleFile));
const description = JSON.parse(readFileSync(descriptionFile, "utf8"));
const { schema, events, types } = description;
const encodeEvent = module[`encode${schema}Event`];
const decodeEvent = module[`decode${schema}Event`];

// --- The value of the module as the event's JSON in Rust.

const isNewtype = (layout) => layout.tuple === true && layout.fields.length === 1;

function isNullable(type) {
  if ("option" in Object(type)) return true;
  const part = types[type.ref];
  return part?.fields !== undefined && isNewtype(part) && isNullable(part.fields[0].type);
}

function floatToJson(value, isSingle) {
  if (!Number.isFinite(value)) return String(value);
  // The shortest number that is the same f32.
  for (let digits = 1; isSingle && digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function toJson(type, value) {
  switch (type) {
    case "u64":
    case "i64":
    case "u128":
    case "i128":
      return value === BigInt.asIntN(54, value) && value !== -(2n ** 53n) ? Number(value) : String(value);
    case "f32":
      return floatToJson(value, true);
    case "f64":
      return floatToJson(value, false);
    case "Timestamp":
      return value.toISOString();
    case "bytes":
      return Buffer.from(value).toString("base64");
    default:
      if (typeof type === "string") return value;
  }
  const list = type.list ?? type.set ?? type.array;
  if (list !== undefined) return Array.from(value, (item) => toJson(list, item));
  if (type.tuple) return type.tuple.map((part, at) => toJson(part, value[at]));
  if (type.nonzero) return toJson(type.nonzero, value);
  if (type.quantised) return floatToJson(value, type.quantised === "f32");
  if (type.option) {
    if (value === null) return null;
    return isNullable(type.option) ? [toJson(type.option, value[0])] : toJson(type.option, value);
  }
  if (type.map) {
    const [keyType, valueType] = type.map;
    const entries = Array.from(value, ([key, value]) => [toJson(keyType, key), toJson(valueType, value)]);
    return keyType === "string" ? Object.fromEntries(entries) : entries;
  }
  const part = types[type.ref];
  if (part.fields) return partToJson(part, value);
  const name = typeof value === "string" ? value : value.kind;
  const variant = part.variants.find((variant) => variant.name === name);
  return variant.fields.length === 0 ? name : { [name]: partToJson(variant, value.value) };
}

function fieldsToJson(layout, value) {
  if (layout.tuple) return layout.fields.map((field, at) => toJson(field.type, value[at]));
  return Object.fromEntries(layout.fields.map((field) => [field.name, toJson(field.type, value[field.name])]));
}

function partToJson(layout, value) {
  return isNewtype(layout) ? toJson(layout.fields[0].type, value) : fieldsToJson(layout, value);
}

// --- Random values; every run makes the same ones.

let state = 0x2545f491;

/** A whole number below `limit`. */
function random(limit) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

const pick = (items) => items[random(items.length)];
const several = (length, make) => Array.from({ length }, make);

const WIDTHS = { u8: 8, u16: 16, u32: 32, u64: 64, u128: 128, i8: 8, i16: 16, i32: 32, i64: 64, i128: 128 };
const FLOATS = [0, -0, 1, -1.5, 0.1, 1e-40, 3.4e38, 16777217, Infinity, -Infinity, NaN];
const CHARACTERS = ["\0", "a", '"', "é", "\ufeff", "\ud7ff", "\ue000", "\u{1f980}", "\u{10ffff}"];
const MILLISECONDS = [0, 0.000001, 0.1, 1, 1.5, 1234.567891, 999999999.999999, 2 ** 53];
const DATES = ["1970-01-01", "1969-12-31T23:59:59.999Z", "2026-11-25T12:30:00.001Z", "-271821-04-20", "+275760-09-12"];
const V4 = ["0.0.0.0", "127.0.0.1", "255.255.255.255", "1.20.39.100"];
const V6 = ["::", "::1", "fe80::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:0:2::3", "1::2:0:0:3:4", "0:1::", "::1:203"];
const LETTERS = ["a", "Z", "\0", "\u{7f}", "é", "\ufeff", "日", "\u{1f980}", '"', "\\"];

function integer(type) {
  const width = WIDTHS[type];
  const any = several(4, () => BigInt(random(2 ** 32))).reduce((any, part) => any * 2n ** 32n + part);
  const value = pick([0n, 1n, -1n, any, 2n ** BigInt(width - 1), 2n ** BigInt(width - 1) - 1n]);
  const fitting = type[0] === "u" ? BigInt.asUintN(width, value) : BigInt.asIntN(width, value);
  return width > 32 ? fitting : Number(fitting);
}

function make(type, depth) {
  const length = () => (depth > 5 ? 0 : pick([0, 1, 2, 3, 130]) % (depth > 0 ? 4 : 200));
  if (type in WIDTHS) return integer(type);
  switch (type) {
    case "f32":
      return Math.fround(pick([...FLOATS, random(1e6) / 1000]));
    case "f64":
      return pick([...FLOATS, 1e300, random(1e6) / 1000]);
    case "bool":
      return random(2) === 1;
    case "Duration":
      return pick(MILLISECONDS);
    case "Timestamp":
      return new Date(pick(DATES));
    case "Ipv4Addr":
      return pick(V4);
    case "Ipv6Addr":
      return pick(V6);
    case "IpAddr":
      return pick([...V4, ...V6]);
    case "char":
      return pick(CHARACTERS);
    case "string":
      return several(length(), () => pick(LETTERS)).join("");
    case "bytes":
      return Uint8Array.from(several(length(), () => random(256)));
  }
  if (type.nonzero) return integer(type.nonzero) || make(type, depth);
  if (type.quantised) {
    const top = 2 ** WIDTHS[type.as] - 1;
    const value = type.min + (type.max - type.min) * (pick([0, top, random(top)]) / top);
    return type.quantised === "f32" ? Math.fround(value) : value;
  }
  const list = type.list ?? type.array;
  if (list !== undefined) {
    const items = several(type.len ?? length(), () => make(list, depth + 1));
    return list === "u8" ? Uint8Array.from(items) : items;
  }
  if (type.tuple) return type.tuple.map((part) => make(part, depth));
  if (type.option) {
    if (depth > 5 || random(3) === 0) return null;
    return isNullable(type.option) ? [make(type.option, depth + 1)] : make(type.option, depth + 1);
  }
  // Keys that are objects may be equal; those are left out.
  const seen = new Set();
  const isNew = (key) => {
    const text = JSON.stringify(key, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
    return !seen.has(text) && seen.add(text);
  };
  if (type.set) return new Set(several(length(), () => make(type.set, depth + 1)).filter(isNew));
  if (type.map) {
    const entries = several(length(), () => type.map.map((type) => make(type, depth + 1)));
    return new Map(entries.filter(([key]) => isNew(key)));
  }
  const part = types[type.ref];
  if (part.fields) return makePart(part, depth);
  const variant = depth > 5 ? part.variants[0] : pick(part.variants);
  if (part.variants.every(({ fields }) => fields.length === 0)) return variant.name;
  if (variant.fields.length === 0) return { kind: variant.name };
  return { kind: variant.name, value: makePart(variant, depth + 1) };
}

function makeFields(layout, depth) {
  if (layout.tuple) return layout.fields.map((field) => make(field.type, depth));
  return Object.fromEntries(layout.fields.map((field) => [field.name, make(field.type, depth)]));
}

function makePart(layout, depth) {
  return isNewtype(layout) ? make(layout.fields[0].type, depth) : makeFields(layout, depth);
}

// --- The two modes.

const text = (value) => JSON.stringify(value);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
/** A duration that was rounded up may be too long. */
function encoded(event) {
  try {
    return hex(encodeEvent(event).bytes);
  } catch (error) {
    return error.message;
  }
}
const eventById = new Map(events.map((event) => [event.id, event]));
const answers = [];

if (mode === "make") {
  for (let at = 0; at < Number(count); at++) {
    const event = events[at % events.length];
    const made = { type: event.name, payload: makeFields(event, 0) };
    const { id, bytes } = encodeEvent(made);
    const decoded = decodeEvent(id, bytes);
    assert.deepEqual(decoded, made);
    answers.push({ id, json: text(fieldsToJson(event, decoded.payload)), hex: hex(bytes) });
  }
} else {
  for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const message = JSON.parse(line);
    try {
      const decoded = decodeEvent(message.id, Buffer.from(message.hex, "hex"));
      const json = fieldsToJson(eventById.get(message.id), decoded.payload);
      answers.push({ json: text(json), hex: encoded(decoded) });
    } catch (error) {
      if (!(error instanceof module.DecodeError)) throw error;
      answers.push({ error: error.message });
    }
  }
}
process.stdout.write(answers.map((answer) => JSON.stringify(answer) + "\n").join(""));
