/** Which VLANs a bridge port carries, from the `vlan` and `vlanTrunk` keys. */
import { CniError } from "../cni/errors.ts";

export interface TrunkEntry {
  minID?: number;
  maxID?: number;
  id?: number;
}

export interface PortVlans {
  /** The VLAN of untagged packets; absent: the bridge's default stays as it is. */
  native?: number;
  /** Tagged VLANs, ascending, each once. */
  tagged: number[];
  /** Whether the bridge must filter by VLAN at all. */
  filtering: boolean;
}

/**
 * Reference: plugins/main/bridge/bridge.go (loadNetConf, collectVlanTrunk), with its error texts.
 * @param vlan 0: none
 */
export function readPortVlans(vlan: number, trunk: readonly TrunkEntry[] | undefined): PortVlans {
  if (vlan < 0 || vlan > 4094) {
    throw invalid(`invalid VLAN ID ${vlan} (must be between 0 and 4094)`);
  }
  const tagged = new Set<number>();
  for (const entry of trunk ?? []) addTrunkEntry(entry, tagged);

  const vlans: PortVlans = {
    tagged: [...tagged].sort((a, b) => a - b),
    filtering: vlan !== 0 || trunk !== undefined,
  };
  if (vlan !== 0) vlans.native = vlan;
  else if (tagged.size > 0) vlans.native = 1; // the default that the trunk's removal took away
  return vlans;
}

function addTrunkEntry({ minID, maxID, id }: TrunkEntry, tagged: Set<number>): void {
  if (minID !== undefined && maxID !== undefined) {
    if (!isVlanId(minID)) throw invalid("incorrect trunk minID parameter");
    if (!isVlanId(maxID)) throw invalid("incorrect trunk maxID parameter");
    if (maxID < minID) throw invalid("minID is greater than maxID in trunk parameter");
    for (let vid = minID; vid <= maxID; vid++) tagged.add(vid);
  } else if (minID !== undefined || maxID !== undefined) {
    const missing = minID === undefined ? "minID" : "maxID";
    throw invalid(`minID and maxID should be configured simultaneously, ${missing} is missing`);
  }
  if (id !== undefined) {
    if (!isVlanId(id)) throw invalid("incorrect trunk id parameter");
    tagged.add(id);
  }
}

function isVlanId(value: number): boolean {
  return value >= 1 && value <= 4094;
}

function invalid(message: string): CniError {
  return new CniError("InvalidNetworkConfig", message);
}
