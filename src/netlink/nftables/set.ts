/** Sets and maps. */
import { attr, attributes, list, message, nested } from "../attr.ts";
import { be32, be64, cstring, flags, type Infer, type Input } from "../codec.ts";
import { nfgenmsg } from "./header.ts";
import { setData } from "./userdata.ts";

/** NFTA_SET_DATA_TYPE of a map to verdicts: NFT_DATA_VERDICT. */
export const verdictData = 0xffffff00;

/**
 * The types of keys: `nft`'s own numbers (enum datatypes of its include/datatype.h), which it needs to
 * print a key, and their lengths in bytes, which the kernel needs.
 */
export const keyTypes = {
  ipv4Address: { type: 7, length: 4, host: false },
  ipv6Address: { type: 8, length: 16, host: false },
  etherAddress: { type: 9, length: 6, host: false },
  protocol: { type: 12, length: 1, host: false },
  port: { type: 13, length: 2, host: false },
  mark: { type: 19, length: 4, host: true },
  interfaceIndex: { type: 20, length: 4, host: true },
  interfaceName: { type: 41, length: 16, host: true },
} as const;
export type KeyType = keyof typeof keyTypes;

/** A part of a concatenated key fills whole registers of 4 bytes. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Type and length of the key that is made of these parts, one after another. */
export function keyOf(...parts: readonly KeyType[]): { keyType: number; keyLength: number } {
  if (parts.length === 1) {
    const { type, length } = keyTypes[parts[0] as KeyType];
    return { keyType: type, keyLength: length };
  }
  let keyType = 0;
  let keyLength = 0;
  for (const part of parts) {
    keyType = keyType * 64 + keyTypes[part].type; // TYPE_BITS is 6
    keyLength += padded(keyTypes[part].length);
  }
  return { keyType, keyLength };
}

/** enum nft_set_attributes of include/uapi/linux/netfilter/nf_tables.h */
export const setMessage = message(
  nfgenmsg,
  attributes({
    table: attr(1, "NFTA_SET_TABLE", cstring),
    name: attr(2, "NFTA_SET_NAME", cstring),
    flags: attr(
      3,
      "NFTA_SET_FLAGS",
      flags(be32, {
        anonymous: 1,
        constant: 2,
        interval: 4,
        map: 8,
        timeout: 0x10,
        eval: 0x20,
        object: 0x40,
        concat: 0x80,
        expr: 0x100,
      }),
    ),
    keyType: attr(4, "NFTA_SET_KEY_TYPE", be32),
    keyLength: attr(5, "NFTA_SET_KEY_LEN", be32),
    dataType: attr(6, "NFTA_SET_DATA_TYPE", be32),
    dataLength: attr(7, "NFTA_SET_DATA_LEN", be32),
    policy: attr(8, "NFTA_SET_POLICY", be32),
    description: attr(
      9,
      "NFTA_SET_DESC",
      nested(
        attributes({
          size: attr(1, "NFTA_SET_DESC_SIZE", be32),
          /** Of an interval of concatenations: the length of each part, padding left out. */
          fields: attr(
            2,
            "NFTA_SET_DESC_CONCAT",
            nested(
              list(
                1,
                "NFTA_LIST_ELEM",
                nested(attributes({ length: attr(1, "NFTA_SET_FIELD_LEN", be32) })),
              ),
            ),
          ),
        }),
      ),
    ),
    /** Any number: rules of the same batch may name a set by it. */
    id: attr(10, "NFTA_SET_ID", be32),
    timeout: attr(11, "NFTA_SET_TIMEOUT", be64),
    userdata: attr(13, "NFTA_SET_USERDATA", setData),
    handle: attr(16, "NFTA_SET_HANDLE", be64),
  }),
);
export type NftSet = Infer<typeof setMessage>;
export type NftSetInput = Input<typeof setMessage>;
