/**
 * The changes that a transaction of nf_tables is made of. Each function returns one; `Nft.commit`
 * sends them.
 *
 * What is added may be there already, unless `exclusive` is set. What is removed must be there: else
 * the kernel refuses (ENOENT), and with it the whole transaction.
 */
import { utf8 } from "../addr/bytes.ts";
import { messageFlags } from "../netlink/message.ts";
import { type ChainInput, chainMessage } from "../netlink/nftables/chain.ts";
import { type ElementInput, elementsMessage } from "../netlink/nftables/element.ts";
import type { ExpressionInput } from "../netlink/nftables/expression.ts";
import { type Family, messageTypes } from "../netlink/nftables/header.ts";
import { ruleMessage } from "../netlink/nftables/rule.ts";
import { type KeyType, keyOf, keyTypes, setMessage, verdictData } from "../netlink/nftables/set.ts";
import { tableMessage } from "../netlink/nftables/table.ts";
import { byteOrders, maxComment } from "../netlink/nftables/userdata.ts";
import { type Request, request } from "./socket.ts";

/** One change. */
export type Change = Request;

const { create, append, exclusive: excl } = messageFlags;

/** Where something is: the family and the name of its table. */
export interface TableName {
  family: Family;
  table: string;
}

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

/** Appends a rule. */
export function addRule(
  { family, table }: TableName,
  chain: string,
  expressions: readonly ExpressionInput[],
  comment?: string,
): Change {
  const value = { family, table, chain, expressions, ...userdata(comment) };
  const what = `add a rule to chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.newRule, create | append, ruleMessage, value, what);
}

/** Puts a rule before all others of its chain. */
export function insertRule(
  { family, table }: TableName,
  chain: string,
  expressions: readonly ExpressionInput[],
  comment?: string,
): Change {
  const value = { family, table, chain, expressions, ...userdata(comment) };
  const what = `insert a rule into chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.newRule, create, ruleMessage, value, what);
}

export function removeRule({ family, table }: TableName, chain: string, handle: number): Change {
  const what = `delete rule ${handle} of chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.delRule, 0, ruleMessage, { family, table, chain, handle }, what);
}

/** Removes all rules of a chain; that there are none is fine. */
export function flushChain({ family, table }: TableName, chain: string): Change {
  const what = `flush chain ${chain} of ${label(family, table)}`;
  return request(messageTypes.delRule, 0, ruleMessage, { family, table, chain }, what);
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
): Change {
  const value = { family, table, set, elements };
  const what = `add to ${set} of ${label(family, table)}`;
  return request(messageTypes.newSetElem, create, elementsMessage, value, what);
}

export function removeElements(
  { family, table }: TableName,
  set: string,
  keys: readonly Uint8Array[],
): Change {
  const value = { family, table, set, elements: keys.map((key) => ({ key: { value: key } })) };
  const what = `delete from ${set} of ${label(family, table)}`;
  return request(messageTypes.delSetElem, 0, elementsMessage, value, what);
}

/** As an operator knows it: `nft table ip cnibox`. */
export function label(family: Family, table: string): string {
  return `nft table ${family} ${table}`;
}

function userdata(comment: string | undefined) {
  return comment === undefined ? {} : { userdata: text(comment) };
}

/** The comment of an element. */
export function commentOf(comment: string): { comment?: string } {
  return text(comment);
}

/** A comment as `nft` keeps it: UTF-8, cut between characters to what `nft` accepts. */
function text(comment: string | undefined): { comment?: string } {
  if (comment === undefined) return {};
  let bytes = utf8(comment);
  if (bytes.length > maxComment) {
    let end = maxComment;
    while (((bytes[end] as number) & 0xc0) === 0x80) end--;
    bytes = bytes.subarray(0, end);
  }
  let latin1 = "";
  for (const byte of bytes) latin1 += String.fromCharCode(byte);
  return { comment: latin1 };
}
