/** What changes of nf_tables say of what they change, to the kernel and to people. */
import { utf8 } from "../addr/bytes.ts";
import type { Family } from "../netlink/nftables/header.ts";
import { maxComment } from "../netlink/nftables/userdata.ts";
import type { Request } from "./socket.ts";

const ascii = /^[\0-\x7f]*$/;

/** One change. */
export type Change = Request;

/** Where something is: the family and the name of its table. */
export interface TableName {
  family: Family;
  table: string;
}

/** As an operator knows it: `nft table ip cnibox`. */
export function label(family: Family, table: string): string {
  return `nft table ${family} ${table}`;
}

export function userdata(comment: string | undefined) {
  return comment === undefined ? {} : { userdata: text(comment) };
}

/** The comment of an element. */
export function commentOf(comment: string): { comment?: string } {
  return text(comment);
}

/** A comment as `nft` keeps it: UTF-8, cut between characters to what `nft` accepts. */
export function text(comment: string | undefined): { comment?: string } {
  if (comment === undefined) return {};
  if (comment.length <= maxComment && ascii.test(comment)) return { comment };
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
