/**
 * rtnetlink addresses: `ip address`.
 *
 * Source: include/uapi/linux/if_addr.h.
 */
import { attr, attributes, message } from "../attr.ts";
import { bytes, cstring, flags, type Infer, type Input, oneOf, struct, u8, u32 } from "../codec.ts";

/** IFA_F_*. The header holds those below 0x100, IFA_FLAGS all. */
export const addressFlags = {
  secondary: 0x01,
  nodad: 0x02,
  optimistic: 0x04,
  dadFailed: 0x08,
  homeAddress: 0x10,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  manageTempAddress: 0x100,
  noPrefixRoute: 0x200,
  multicastAutoJoin: 0x400,
  stablePrivacy: 0x800,
} as const;

/**
 *      0        1        2       3       4       8
 *      | family | prefix | flags | scope | index | attributes
 */
const ifaddrmsg = struct("ifaddrmsg", {
  family: u8,
  prefixLength: u8,
  shortFlags: flags(u8, addressFlags),
  scope: u8,
  index: u32,
});

/** Seconds, 2^32 - 1 is for ever; stamps in hundredths of a second since boot. */
const cacheInfo = struct("ifa_cacheinfo", {
  preferred: u32,
  valid: u32,
  created: u32,
  updated: u32,
});

export const addressMessage = message(
  ifaddrmsg,
  attributes({
    /** The other end's address of a point-to-point link; else as `local`. */
    address: attr(1, "IFA_ADDRESS", bytes),
    local: attr(2, "IFA_LOCAL", bytes),
    label: attr(3, "IFA_LABEL", cstring),
    broadcast: attr(4, "IFA_BROADCAST", bytes),
    anycast: attr(5, "IFA_ANYCAST", bytes),
    cacheInfo: attr(6, "IFA_CACHEINFO", cacheInfo),
    multicast: attr(7, "IFA_MULTICAST", bytes),
    flags: attr(8, "IFA_FLAGS", flags(u32, addressFlags)),
    routePriority: attr(9, "IFA_RT_PRIORITY", u32),
    targetNetnsId: attr(10, "IFA_TARGET_NETNSID", u32),
    protocol: attr(
      11,
      "IFA_PROTO",
      oneOf(u8, { unspecified: 0, loopback: 1, routerAdvertisement: 2, linkLocal: 3 }),
    ),
  }),
);
export type AddressMessage = Infer<typeof addressMessage>;
export type AddressRequest = Input<typeof addressMessage>;
