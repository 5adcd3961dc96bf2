// The browser's calls that messages, and bytes in events, are for. It is compiled and not run.

import { Blobs, Lists, Maps, Numbers, decodeZooEvent, encodeZooEvent } from "./zoo.js";
import type { Bytes, EventCodec, File as ZooFile, OwnBytes, ZooEvent } from "./zoo.js";

/** Bytes to wherever a page sends or keeps them. */
export async function take(bytes: OwnBytes, socket: WebSocket, key: CryptoKey): Promise<void> {
  socket.send(bytes);
  await fetch("/events", { method: "POST", body: bytes });
  await fetch(new Request("/events", { method: "PUT", body: bytes }));
  await new Response(bytes).arrayBuffer();
  URL.createObjectURL(new Blob([bytes, "and text"], { type: "application/octet-stream" }));
  new File([bytes], "event.bin");
  new FormData().append("event", new Blob([bytes]));
  navigator.sendBeacon("/events", bytes);
  new XMLHttpRequest().send(bytes);

  await crypto.subtle.digest("SHA-256", bytes);
  await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
  await crypto.subtle.encrypt({ name: "AES-GCM", iv: bytes }, key, bytes);
  await crypto.subtle.verify("HMAC", key, bytes, bytes);

  window.postMessage(bytes, "*", [bytes.buffer]);
  new Worker("worker.js").postMessage(bytes, [bytes.buffer]);
  new MessageChannel().port1.postMessage({ bytes }, [bytes.buffer]);
  new BroadcastChannel("events").postMessage(bytes);
  new RTCPeerConnection().createDataChannel("events").send(bytes);

  await new AudioContext().decodeAudioData(bytes.buffer);
  await WebAssembly.instantiate(bytes);
  new TextDecoder().decode(bytes);
}

/** What an encoder returns. */
export async function encoded(numbers: Numbers, event: ZooEvent, socket: WebSocket, key: CryptoKey): Promise<void> {
  socket.send(Numbers.encode(numbers));
  await crypto.subtle.digest("SHA-256", encodeZooEvent(event).bytes);
  await fetch("/events", { method: "POST", body: Numbers.encode(numbers) });
  new Blob([Numbers.encode(numbers)]);
  await take(Numbers.encode(numbers), socket, key);
  await take(encodeZooEvent(event).bytes, socket, key);
}

function contents(file: ZooFile<OwnBytes>): OwnBytes[] {
  switch (file.kind) {
    case "Missing":
      return [];
    case "Folder":
      return file.value.reduce((all: OwnBytes[], file) => all.concat(contents(file)), []);
    case "Text":
      return [file.value.content];
    case "Link":
      return [file.value[1]];
  }
}

/** Bytes in what a decoder returns: in fields, collections and parts, and in the union of all events. */
export async function decoded(message: Bytes, socket: WebSocket, key: CryptoKey): Promise<void> {
  const lists = Lists.decode(message);
  await take(lists.blob, socket, key);
  await take(lists.bytes, socket, key);
  const blobs = Blobs.decode(message);
  await take(blobs.hash, socket, key);
  for (const { content } of blobs.packets.values()) await take(content, socket, key);
  if (blobs.last !== null) await take(blobs.last.content[1], socket, key);
  for (const map of Maps.decode(message).deep.values()) {
    for (const set of map.values()) for (const bytes of set) await take(bytes, socket, key);
  }
  for (const bytes of contents(blobs.file)) await take(bytes, socket, key);
  const event = decodeZooEvent(2, message);
  if (event.type === "zoo:lists") await take(event.payload.blob, socket, key);
}

/** What comes from the browser is decoded as it is. */
export async function received(socket: WebSocket, response: Response, blob: Blob): Promise<void> {
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => Numbers.decode(event.data);
  Numbers.decode(await response.arrayBuffer());
  Numbers.decode(await blob.arrayBuffer());
  Numbers.decode(new Uint8Array(8).subarray(1));
  const part = await response.body?.getReader().read();
  if (part?.value !== undefined) Numbers.decode(part.value);
}

/** An encoder takes any bytes, and so does a function that makes events; what has been decoded can be encoded again. */
export function any(bytes: Uint8Array, text: string): OwnBytes[] {
  const lists: Lists = { ...Lists.decode(bytes), blob: bytes, bytes: new TextEncoder().encode(text) };
  const event: ZooEvent = { type: "zoo:lists", payload: lists };
  const codec: EventCodec<"zoo:lists", Lists> = Lists;
  const again: ZooEvent = decodeZooEvent(2, bytes);
  const packets = new Map([[1, { number: 1, content: bytes }]]);
  return [
    Lists.encode(lists),
    Lists.encode(Lists.decode(bytes)),
    codec.encode(codec.decode(bytes)),
    encodeZooEvent(event).bytes,
    encodeZooEvent(again).bytes,
    Blobs.encode({ hash: bytes, file: { kind: "Link", value: ["", bytes] }, packets, last: null }),
  ];
}
