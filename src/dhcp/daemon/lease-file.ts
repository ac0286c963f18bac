/**
 * Leases on disk, one file each, so that a daemon can go on where another ended.
 *
 * Times count from the start of the machine, so a file says which start that was.
 */
import { parseHex, toHex } from "../../addr/bytes.ts";
import { type Fields, record } from "../../json/decode.ts";
import { parse } from "../../json/parse.ts";
import { serialize } from "../../json/serialize.ts";
import { readText, writeAtomic } from "../../kernel/files.ts";
import type { Attachment } from "../client-id.ts";
import type { Lease } from "../lease.ts";
import { fromRecord, toRecord } from "../lease-record.ts";
import type { Selection } from "../selection.ts";
import type { Lease6 } from "../v6/lease.ts";
import { fromRecord6, toRecord6 } from "../v6/lease-record.ts";
import type { LinkId } from "./link.ts";
import type { Choices } from "./request.ts";

/** All that outlives a daemon. A family that has no lease now is still asked for. */
export interface StoredLease {
  readonly attachment: Attachment;
  readonly id: LinkId;
  /** The hardware address when the lease was asked for. */
  readonly mac: Uint8Array;
  readonly broadcast: boolean;
  readonly selection: Selection;
  readonly choices: Choices;
  readonly lease4: Lease | undefined;
  readonly lease6: Lease6 | undefined;
}

/** What tells one start of the machine from another. */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

/** Writes or replaces a file; readers, and the next daemon, see all of it or what was before. */
export function writeLease(path: string, stored: StoredLease, boot: string): void {
  const { attachment, id, mac, broadcast, selection, choices, lease4, lease6 } = stored;
  const send: Record<string, string> = {};
  for (const [code, value] of selection.send) send[code] = toHex(value);
  const document = {
    boot,
    ...attachment,
    link: { ...id },
    mac: toHex(mac),
    broadcast,
    send,
    request: toHex(selection.requestList),
    choices: { ...choices },
    lease4: lease4 && { ...toRecord(lease4) },
    lease6: lease6 && { ...toRecord6(lease6) },
  };
  // Nothing of it is worth anything after a power cut: the containers are gone, too.
  writeAtomic(path, `${serialize(document, { indent: true })}\n`, { sync: false });
}

/**
 * @returns undefined if there is no such file
 * @throws {Error} it is damaged, or of an earlier start of the machine
 */
export function readLease(path: string, boot: string): StoredLease | undefined {
  const text = readText(path);
  if (text === null) return undefined;
  const fields = record(parse(text), "lease");
  if (fields.string("boot") !== boot) throw new Error("the machine was started anew since");
  const link = record(fields.raw("link"), "link");
  const choices = record(fields.raw("choices"), "choices");
  const [lease4, lease6] = [fields.raw("lease4"), fields.raw("lease6")];
  return {
    attachment: {
      containerId: fields.string("containerId"),
      network: fields.string("network"),
      ifName: fields.string("ifName"),
    },
    id: {
      netns: link.string("netns"),
      device: link.uint("device") ?? 0,
      inode: link.uint("inode") ?? 0,
      index: link.uint("index") ?? 0,
      name: link.string("name"),
    },
    mac: hex(fields, "mac"),
    broadcast: fields.bool("broadcast"),
    selection: { send: readSend(fields), requestList: hex(fields, "request") },
    choices: {
      priority: choices.int("priority") ?? 0,
      microsoftRoutes: choices.bool("microsoftRoutes"),
      useDns: choices.bool("useDns"),
      ipv4: choices.bool("ipv4"),
      ipv6: choices.bool("ipv6"),
    },
    lease4: lease4 === undefined ? undefined : fromRecord(lease4),
    lease6: lease6 === undefined ? undefined : fromRecord6(lease6),
  };
}

function readSend(fields: Fields): Map<number, Uint8Array> {
  const given = fields.raw("send");
  const send = record(given, "send");
  const codes = typeof given === "object" && given !== null ? Object.keys(given) : [];
  return new Map(codes.map((code) => [Number(code), hex(send, code)]));
}

function hex(fields: Fields, key: string): Uint8Array {
  const bytes = parseHex(fields.string(key));
  if (!bytes) throw new Error(`${fields.place(key)} is no hex`);
  return bytes;
}
