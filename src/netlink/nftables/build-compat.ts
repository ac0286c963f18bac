/** Extensions of iptables, byte for byte as `iptables-nft` puts them into rules, so that it lists them. */
import { utf8 } from "../../addr/bytes.ts";
import { connectionStates } from "./expr-load.ts";
import type { ExpressionInput } from "./expression.ts";

/** XT_MAX_COMMENT_LEN of include/uapi/linux/netfilter/xt_comment.h */
const commentLength = 256;

/** `-m comment --comment "..."`; at most 255 bytes. */
export function comment(text: string): ExpressionInput {
  const info = new Uint8Array(commentLength);
  info.set(utf8(text));
  return { kind: "match", data: { name: "comment", revision: 0, info } };
}

/** struct xt_conntrack_mtinfo3 of include/uapi/linux/netfilter/xt_conntrack.h, and where fields lie. */
const connectionInfo = { length: 168, matchFlags: 146, stateMask: 150 } as const;
const XT_CONNTRACK_STATE = 1;

/** `-m conntrack --ctstate RELATED,ESTABLISHED` */
export function isKnownConnection(): ExpressionInput {
  const info = new Uint8Array(connectionInfo.length);
  const put = (at: number, value: number) =>
    info.set(new Uint8Array(new Uint16Array([value]).buffer), at);
  put(connectionInfo.matchFlags, XT_CONNTRACK_STATE);
  put(connectionInfo.stateMask, connectionStates.related | connectionStates.established);
  return { kind: "match", data: { name: "conntrack", revision: 3, info } };
}

/** Every rule of `iptables-nft` counts. */
export const counter: ExpressionInput = { kind: "counter", data: { bytes: 0, packets: 0 } };
