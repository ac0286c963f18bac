/** What a packet, a stored lease or an option of the config can have wrong. */

/**
 * Why a packet was dropped, in the words that operators read. The set is closed, so that counters by
 * reason stay small whatever arrives.
 */
export type Reason =
  // the frame
  | "truncated frame"
  | "bad IP header"
  | "bad IP checksum"
  | "IP fragment"
  | "bad UDP length"
  | "bad UDP checksum"
  // the message
  | "truncated message"
  | "no magic cookie"
  | "malformed message"
  | "malformed option"
  // the exchange
  | "not a reply"
  | "no message type"
  | "unexpected message"
  | "other hardware address"
  | "other client"
  | "wrong xid"
  | "no server identifier"
  | "other server"
  | "no address"
  | "no lease time"
  | "no subnet mask"
  | "no usable lease"
  | "status not success";

/** Thrown by everything here that reads bytes; nothing else is thrown for bad input. */
export class DhcpError extends Error {
  override name = "DhcpError";

  constructor(
    readonly reason: Reason,
    message: string,
  ) {
    super(message);
  }
}

/** The value of `read`, or undefined if what it reads is malformed: RFC 2131 lets that be ignored. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DhcpError) return undefined;
    throw error;
  }
}
