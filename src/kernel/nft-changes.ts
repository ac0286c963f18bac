/**
 * The changes that a transaction of nf_tables is made of. Each function returns one; `Nft.commit`
 * sends them.
 *
 * What is added may be there already, unless `exclusive` is set. What is removed must be there: else
 * the kernel refuses (ENOENT), and with it the whole transaction.
 */
import { messageFlags } from "../netlink/message.ts";
import { type ChainInput, chainMessage } from "../netlink/nftables/chain.ts";
import { type ElementInput, elementsMessage } from "../netlink/nftables/element.ts";
import { messageTypes } from "../netlink/nftables/header.ts";
import { type KeyType, keyOf, keyTypes, setMessage, verdictData } from "../netlink/nftables/set.ts";
import { tableMessage } from "../netlink/nftables/table.ts";
import { byteOrders } from "../netlink/nftables/userdata.ts";
import { type Change, label, type TableName, text, userdata } from "./nft-names.ts";
import { request } from "./socket.ts";

export type { ElementInput } from "../netlink/nftables/element.ts";
export { type Change, commentOf, label, type TableName } from "./nft-names.ts";
export { addRule, flushChain, insertRule, removeRule } from "./nft-rules.ts";

const { create, exclusive: excl } = messageFlags;

/** Adds a table; that it is there is fine. */
export function addTable({ family, table }: TableName, comment?: string): Change {
  const value = { family, name: table, flags: [], ...userdata(comment) };
  return request(messageTypes.newTable, create, tableMessage, value, `add ${label(family, table)}`);
}

/** Removes a table with all that is in it, or with `empty` only an empty one (else EBUSY). */
export function removeTable({ family, table }: TableName, empty = false): Change {
  const flags = empty ? messageFlags.nonRecursive : 0;
  const value = { family, name: table };
  const what = `delete ${label(family, table)}`;
  return request(messageTypes.delTable, flags, tableMessage, value, what);
}

/** What makes a base chain of a chain. */
export type Hook = Required<Pick<ChainInput, "type" | "hook">> & Pick<ChainInput, "policy">;

/** Adds a chain; that it is there is fine, unless `exclusive`. */
export function addChain(
  { family, table }: TableName,
  name: string,
  options: { base?: Hook; comment?: string; exclusive?: boolean } = {},
): Change {
  const { base, comment, exclusive } = options;
  const value = { family, table, name, ...base, ...userdata(comment) };
  const flags = create | (exclusive ? excl : 0);
  const what = `add chain ${name} to ${label(family, table)}`;
  return request(messageTypes.newChain, flags, chainMessage, value, what);
}

/** Removes a chain with its rules. EBUSY if something still jumps to it. */
export function removeChain({ family, table }: TableName, name: string): Change {
  const what = `delete chain ${name} of ${label(family, table)}`;
  return request(messageTypes.delChain, 0, chainMessage, { family, table, name }, what);
}

/** A map from keys, made of the parts `key`, to verdicts. */
export function addVerdictMap(
  { family, table }: TableName,
  name: string,
  key: readonly KeyType[],
  comment?: string,
): Change {
  const value = {
    family,
    table,
    name,
    flags: ["map" as const],
    ...keyOf(...key),
    dataType: verdictData,
    dataLength: 0,
    id: 1, // the kernel wants one; nothing here refers to it
    userdata: { keyByteOrder: keyByteOrder(key), dataByteOrder: 0, ...text(comment) },
  };
  const what = `add map ${name} to ${label(family, table)}`;
  return request(messageTypes.newSet, create, setMessage, value, what);
}

/**
 * A set of keys made of the parts `key`; or with `data`, a map from them to values made of those parts.
 */
export function addSet(
  { family, table }: TableName,
  name: string,
  key: readonly KeyType[],
  data: readonly KeyType[] = [],
  comment?: string,
): Change {
  const isMap = data.length > 0;
  const values = keyOf(...data);
  const value = {
    family,
    table,
    name,
    flags: isMap ? ["map" as const] : [],
    ...keyOf(...key),
    ...(isMap && { dataType: values.keyType, dataLength: values.keyLength }),
    id: 1, // as above
    userdata: {
      keyByteOrder: keyByteOrder(key),
      ...(isMap && { dataByteOrder: keyByteOrder(data) }),
      ...text(comment),
    },
  };
  const what = `add set ${name} to ${label(family, table)}`;
  return request(messageTypes.newSet, create, setMessage, value, what);
}

function keyByteOrder(key: readonly KeyType[]): number {
  const [only] = key;
  if (key.length > 1 || only === undefined) return 0;
  return keyTypes[only].host ? byteOrders.host : byteOrders.network;
}

/** Removes a set or a map with its elements. EBUSY if a rule uses it. */
export function removeSet({ family, table }: TableName, name: string): Change {
  const what = `delete set ${name} of ${label(family, table)}`;
  return request(messageTypes.delSet, 0, setMessage, { family, table, name }, what);
}

/** Adds elements. EEXIST or EBUSY if one has other data. */
export function addElements(
  { family, table }: TableName,
  set: string,
  elements: readonly ElementInput[],
  options: { exclusive?: boolean } = {},
): Change {
  const value = { family, table, set, elements };
  const flags = create | (options.exclusive ? excl : 0);
  const what = `add to ${set} of ${label(family, table)}`;
  return request(messageTypes.newSetElem, flags, elementsMessage, value, what);
}

/** Removes elements by their keys. */
export function removeElements(
  { family, table }: TableName,
  set: string,
  keys: readonly Uint8Array[],
): Change {
  const value = { family, table, set, elements: keys.map((key) => ({ key: { value: key } })) };
  const what = `delete from ${set} of ${label(family, table)}`;
  return request(messageTypes.delSetElem, 0, elementsMessage, value, what);
}
