/** dhcp with short leases, against Kea and ISC dhcpd: how leases are kept, moved and lost. */
import assert from "node:assert/strict";
import { onlyOurs, type Sandbox } from "../harness/sandbox.ts";
import {
  addServer,
  bridge,
  daemon,
  isc4,
  kea4,
  pause,
  type StartServer,
  stored,
  until,
} from "./dhcp-support.ts";

const why = "these cases start our daemon";
const options = { timeout: 90_000 };
/** It is renewed each second, and goes to another server after four. */
const short = { lifetime: 8, renew: 1, rebind: 4 };
/** Asks often when nobody answers. */
const eager = ["-timeout", "500ms", "-resendmax", "1s"];

const servers: Record<string, { start: StartServer; acks: RegExp; renews: RegExp; nak: RegExp }> = {
  Kea: {
    start: kea4,
    acks: /DHCP4_LEASE_ALLOC/,
    renews: /DHCP4_LEASE_RENEW|DHCP4_LEASE_ALLOC/,
    nak: /DHCPNAK/,
  },
  "ISC dhcpd": { start: isc4, acks: /DHCPACK on 10/, renews: /DHCPACK on 10/, nak: /DHCPNAK/ },
};

for (const [name, { start, acks, renews, nak }] of Object.entries(servers)) {
  onlyOurs(`${name}: got, renewed by unicast at T1, released`, why, options, async (sandbox) => {
    const { container, cni } = sandbox;
    const namespace = addServer(sandbox);
    const server = await start(namespace, short);
    const served = await daemon(sandbox);
    const prevResult = cni.add(bridge());
    await pause(3000);
    console.log(server.log(), served.log());
  });
}
