// What a TypeScript program does with the module: that it compiles shows the types, that it runs the checks.

import {
  Blobs,
  Circles,
  Compound,
  DecodeError,
  EncodeError,
  Lists,
  Maps,
  Nested,
  Numbers,
  Owners,
  Quantised,
  SpecialNumbers,
  State,
  StateV1,
  Times,
  Tuple,
  Unit,
  decodeZooEvent,
  encodeZooEvent,
} from "./zoo.js";
import type { EventCodec, Expr, Shape, Tree, ZooEvent } from "./zoo.js";

function equal(actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

function fails(kind: typeof EncodeError | typeof DecodeError, message: string, action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    equal(error.message, message);
    equal(error.name, kind === EncodeError ? "EncodeError" : "DecodeError");
    return;
  }
  throw new Error(`no error: ${message}`);
}

const encodeFails = (message: string, action: () => unknown): void => fails(EncodeError, message, action);

// --- An event is a value, and its codec an object of the same name.

const numbers: Numbers = { a: 1, b: -1, c: 2, d: -2, e: 3, f: -3, g: 4n, h: -4n, i: 1.5, j: 0.1, k: true };
const bytes: Uint8Array = Numbers.encode(numbers);
equal(bytes.length, 43);
equal(Numbers.decode(bytes).g, 4n);
equal(Numbers.decode(bytes.slice().buffer).h, -4n);
equal(Numbers.name, "zoo:numbers");
equal(Numbers.id, 1);
// @ts-expect-error a u64 is a bigint
const wrongType = (): Numbers => ({ ...numbers, g: 4 });
// @ts-expect-error a field is missing
const missing: Tree = { name: "" };
equal(wrongType().g, 4);
equal(missing.name, "");

// --- What does not fit is refused, and never wrapped.

const field = (name: keyof Numbers, value: unknown): (() => unknown) => {
  const changed: Record<string, unknown> = { ...numbers, [name]: value };
  return () => Numbers.encode(changed as unknown as Numbers);
};
encodeFails("event `zoo:numbers`, field `a`: 256 does not fit a u8", field("a", 256));
encodeFails("event `zoo:numbers`, field `a`: -1 does not fit a u8", field("a", -1));
encodeFails("event `zoo:numbers`, field `b`: -129 does not fit an i8", field("b", -129));
encodeFails("event `zoo:numbers`, field `c`: 1.5 does not fit a u16", field("c", 1.5));
encodeFails("event `zoo:numbers`, field `e`: NaN does not fit a u32", field("e", NaN));
encodeFails("event `zoo:numbers`, field `f`: 2147483648 does not fit an i32", field("f", 2 ** 31));
encodeFails("event `zoo:numbers`, field `g`: -1 does not fit a u64", field("g", -1n));
encodeFails("event `zoo:numbers`, field `h`: 9223372036854775808 does not fit an i64", field("h", 2n ** 63n));
encodeFails("event `zoo:numbers`, field `h`: a bigint is needed, not number", field("h", 1));
encodeFails("event `zoo:numbers`, field `i`: 1e+39 does not fit an f32", field("i", 1e39));
encodeFails("event `zoo:numbers`, field `j`: a number is needed, not string", field("j", "1"));
encodeFails("event `zoo:numbers`, field `k`: a boolean is needed, not undefined", field("k", undefined));
encodeFails("event `zoo:numbers`: an object is needed", () => Numbers.encode(null as unknown as Numbers));

const special: SpecialNumbers = {
  a: 2n ** 128n - 1n,
  b: -(2n ** 127n),
  c: "\u{1f980}",
  d: 0,
  e: 1,
  f: -1,
  g: 1,
  h: -1n,
  i: 1n,
  letters: ["a", "b"],
  wide: [],
  some: [],
  maybe: null,
  by_letter: new Map([["x", 1]]),
  set: new Set([2n ** 100n]),
};
equal(SpecialNumbers.decode(SpecialNumbers.encode(special)).a, 2n ** 128n - 1n);
equal(SpecialNumbers.decode(SpecialNumbers.encode(special)).b, -(2n ** 127n));
const specialField = (name: keyof SpecialNumbers, value: unknown): (() => unknown) => {
  const changed: Record<string, unknown> = { ...special, [name]: value };
  return () => SpecialNumbers.encode(changed as unknown as SpecialNumbers);
};
const specialFails = (name: keyof SpecialNumbers, value: unknown, message: string): void =>
  encodeFails(`event \`zoo:special-numbers\`, field \`${name}\`: ${message}`, specialField(name, value));
specialFails("a", 2n ** 128n, "340282366920938463463374607431768211456 does not fit a u128");
specialFails("a", -1n, "-1 does not fit a u128");
specialFails("b", 2n ** 127n, "170141183460469231731687303715884105728 does not fit an i128");
specialFails("b", 1, "a bigint is needed, not number");
specialFails("c", "", "the string is not one character");
specialFails("c", "ab", "the string is not one character");
specialFails("c", "\ud83e", "the string is not one character");
specialFails("c", "\ud83ea", "the string is not one character");
specialFails("c", 97, "a string of one character is needed, not number");
specialFails("e", 0, "the number must not be 0");
specialFails("e", 256, "256 does not fit a u8");
specialFails("f", -0, "the number must not be 0");
specialFails("h", 0n, "the number must not be 0");

const times: Times = {
  took: 1.5,
  at: new Date(1764073800123),
  waits: [0.000001, 1234.567891, 999999999.999999, 2 ** 53, 2 ** 73],
  days: [new Date(-1), new Date(8.64e15 - 1)],
  ended: null,
  v4: "127.0.0.1",
  v6: "::1",
  any: "1.2.3.4",
  known: new Set(["::", "0.0.0.0"]),
  names: new Map([["::ffff:127.0.0.1", "me"]]),
};
const sent = Times.decode(Times.encode(times));
equal(sent.at.getTime(), 1764073800123);
equal(sent.days[0].getTime(), -1);
equal(sent.waits.join(), times.waits.join());
equal([...sent.known].join(), "0.0.0.0,::");
const timesField = (name: keyof Times, value: unknown, message: string): void => {
  const changed: Record<string, unknown> = { ...times, [name]: value };
  encodeFails(`event \`zoo:times\`, field \`${name}\`: ${message}`, () => Times.encode(changed as unknown as Times));
};
timesField("took", -1, "-1 does not fit a Duration");
timesField("took", NaN, "NaN does not fit a Duration");
timesField("took", Infinity, "Infinity does not fit a Duration");
timesField("took", 2 ** 64 * 1000, "1.8446744073709552e+22 does not fit a Duration");
timesField("took", "1", "a number of milliseconds is needed, not string");
timesField("at", 0, "a Date is needed");
timesField("at", new Date(NaN), "the time is out of range");
timesField("at", new Date(8.64e15), "the time is out of range");
for (const wrong of ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.0.0.1", "1.2.3.-4", "::1", " 1.2.3.4"]) {
  timesField("v4", wrong, "the string is no IPv4 address");
}
for (const wrong of [
  "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "::1::", "12345::", "g::", "::1.2.3",
  "::256.0.0.1", "1.2.3.4", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::1%eth0", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
]) {
  timesField("v6", wrong, "the string is no IPv6 address");
  if (wrong !== "1.2.3.4") timesField("any", wrong, "the string is no IP address");
}
for (const [text, same] of [
  ["0:0:0:0:0:0:0:0", "::"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
  ["0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::FFFF:0102:0304", "::ffff:1.2.3.4"],
  ["1::1.2.3.4", "1::102:304"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
] as const) {
  equal(Times.decode(Times.encode({ ...times, v6: text })).v6, same);
}

const owners: Owners = {
  boxed: "",
  shared: "",
  constant: "",
  numbers: [1],
  blob: new Uint8Array(1),
  names: [],
  tree: { name: "", children: [] },
  queue: [-1],
  jobs: ["a"],
  wrapping: 1,
  many: [],
  seen: new Set(["a"]),
  by_number: new Map(),
  outcome: { kind: "Err", value: "no" },
  nothing: { kind: "Err", value: { kind: "Ok", value: new Uint8Array(2) } },
  maybe: null,
};
const { outcome } = Owners.decode(Owners.encode(owners));
equal(outcome.kind === "Ok" ? outcome.value.toFixed() : outcome.value, "no");

const lists: Lists = {
  text: "",
  blob: new Uint8Array(),
  bytes: new Uint8Array(),
  numbers: [],
  flags: [],
  texts: [],
  nested: [],
  maybe: null,
  perhaps: [null],
};
encodeFails("event `zoo:lists`, field `texts[1]`: the text contains half of a surrogate pair", () =>
  Lists.encode({ ...lists, texts: ["\u{1f980}", "\ud83e"] }),
);
encodeFails("event `zoo:lists`, field `nested[0][2]`: 65536 does not fit a u16", () =>
  Lists.encode({ ...lists, nested: [[1, 2, 65536]] }),
);

const unit = Compound.decode(new Uint8Array(1 + 12 + 3 + 2 + 40 + 2 + 3));
equal(unit.long.length, 40);
encodeFails("event `zoo:compound`, field `long`: an array of 40 is needed, not of 3", () =>
  Compound.encode({ ...unit, long: new Uint8Array(3) }),
);
encodeFails("event `zoo:compound`, field `mixed.2.0`: a bigint is needed, not number", () =>
  Compound.encode({ ...unit, mixed: [1, "", [1 as unknown as bigint]] }),
);

// --- Sets and maps are written in the order of their bytes.

const maps: Maps = {
  scores: new Map([["b", 1], ["a", 2]]),
  grid: new Map(),
  online: new Set([1, -1]),
  names: new Map(),
  seen: new Set(),
  deep: new Map(),
};
equal([...Maps.decode(Maps.encode(maps)).scores.keys()].join(), "a,b");
equal([...Maps.decode(Maps.encode(maps)).online].join(), "1,-1");
encodeFails("event `zoo:maps`, field `grid[1]`: an equal item or key came before", () =>
  Maps.encode({ ...maps, grid: new Map([[[1, 2], null], [[1, 2], "Rock"]]) }),
);
encodeFails("event `zoo:maps`, field `scores[1].value`: -1 does not fit a u32", () =>
  Maps.encode({ ...maps, scores: new Map([["x", 1], ["y", -1]]) }),
);

// --- Enums are unions to be told apart.

function describe(shape: Shape): string {
  switch (shape.kind) {
    case "Point":
    case "Empty":
      return shape.kind;
    case "Circle":
      return `circle of ${shape.value.radius}`;
    case "Polygon":
      return `${shape.value.length} corners`;
    case "Label":
      return shape.value[0];
  }
}
const nested: Nested = {
  id: 7,
  kind: "Lake",
  point: { x: 0, y: 0 },
  shapes: [
    { kind: "Point" },
    { kind: "Circle", value: { centre: { x: 1, y: 2 }, radius: 3 } },
    { kind: "Label", value: ["no", 1] },
  ],
  pair: { a: null, b: 8 },
  either: { kind: "Right", value: { kind: "Left", value: [] } },
  square: [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 1, y: 1 }, { x: 0, y: 1 }],
};
equal(Nested.decode(Nested.encode(nested)).shapes.map(describe).join(), "Point,circle of 3,no");
encodeFails("event `zoo:nested`, field `kind`: \"Sea\" is no variant", () =>
  Nested.encode({ ...nested, kind: "Sea" as "Lake" }),
);
encodeFails("event `zoo:nested`, field `shapes[0]`: \"Star\" is no variant", () =>
  Nested.encode({ ...nested, shapes: [{ kind: "Star" as "Point" }] }),
);
encodeFails("event `zoo:nested`, field `shapes[0].Circle.radius`: a number is needed, not undefined", () =>
  Nested.encode({ ...nested, shapes: [{ kind: "Circle", value: { centre: { x: 0, y: 0 } } as never }] }),
);

// --- Depth is limited on the way out, too: a value may contain itself.

const leaf: Expr = { kind: "Number", value: 1 };
const circle: Tree = { name: "", children: [] };
const tree: Tree = { name: "", children: [] };
const circles: Circles = { tree, expr: leaf, link: { value: 1, next: null }, boxed: tree };
circle.children.push(circle);
const deepest = `tree${".children[0]".repeat(64)}`;
encodeFails(
  `event \`zoo:circles\`, field \`${deepest}\`: the value is nested deeper than 64 structs and enums`,
  () => Circles.encode({ ...circles, tree: circle }),
);

// --- Fields of a later version have their defaults in older messages; a longer tail is ignored.

const old = State.decode(StateV1.encode({ tick: 5, names: ["x"] }));
equal(old.map, "lobby");
equal(old.limits.get(1), 2);
equal(old.kinds[0], "Rock");
equal(StateV1.decode(State.encode(old)).tick, 5);
equal(Tuple.decode(Tuple.encode([1, "x", 9]))[2], 9);
equal(Unit.encode({}).length, 0);

// --- Quantised floats keep to their range.

const quantised: Quantised = { x: 1e9, between: 0, y: -1, z: NaN, turn: { kind: "By", value: 90 } };
equal(Quantised.decode(Quantised.encode(quantised)).x, 100);
equal(Quantised.decode(Quantised.encode(quantised)).y, 0);
equal(Quantised.decode(Quantised.encode(quantised)).z, -180);

// --- The union of all events.

function total(event: ZooEvent): number {
  switch (event.type) {
    case "zoo:numbers":
      return event.payload.a + event.payload.e;
    case "zoo:state":
      return event.payload.tick;
    default:
      return 0;
  }
}
const { id, bytes: encoded } = encodeZooEvent({ type: "zoo:numbers", payload: numbers });
equal(total(decodeZooEvent(id, encoded)), 4);
fails(DecodeError, "no event of the schema has the id 999", () => decodeZooEvent(999, encoded));
const lion = { type: "zoo:lion" } as unknown as ZooEvent;
encodeFails('the schema has no event "zoo:lion"', () => encodeZooEvent(lion));

// --- The shapes that a registry may ask for.

interface PPSchema<T> {
  id: number;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}
class PPSchemaRegistry {
  readonly schemas = new Map<string, PPSchema<unknown>>();
  register<T>(type: string, schema: PPSchema<T>): void {
    this.schemas.set(type, schema);
  }
}
const registry = new PPSchemaRegistry();
registry.register(Numbers.name, Numbers);
registry.register<State>(State.name, State);
registry.register(Lists.name, Lists);
registry.register<Blobs>(Blobs.name, Blobs);
equal(registry.schemas.get("zoo:state")?.id, 9);
const all: readonly EventCodec<string, unknown>[] = [
  Numbers, Lists, Compound, Maps, Nested, Circles, Quantised, StateV1, State, Tuple, Unit, Blobs,
];
for (const event of all) registry.register(event.name, event);
equal(registry.schemas.size, 12);

export {};
