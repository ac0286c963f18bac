/** bridge: many attachments at once. */
import assert from "node:assert/strict";
import { gatewayBridge } from "../harness/configs.ts";
import { type Json, sandbox } from "../harness/sandbox.ts";

const count = 200;

/** Runs a task for each name, some at a time as a busy runtime does. */
async function inParallel<T>(names: string[], task: (name: string) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const queue = names.entries();
  const worker = async () => {
    for (const [index, name] of queue) results[index] = await task(name);
  };
  await Promise.all(Array.from({ length: 25 }, worker));
  return results;
}

sandbox(
  `${count} containers at once get ${count} addresses, and give all back`,
  { timeout: 180_000 },
  async ({ host, cni, reserved }) => {
    const config = gatewayBridge();
    const names = Array.from({ length: count }, (_, i) => `p${i}`);
    host.sh(names.map((name) => `ip netns add ${name}`).join("\n"));
    const at = (name: string) => ({ container: `/run/netns/${name}`, containerId: name });

    const results: Json[] = await inParallel(names, (name) => cni.addAsync(config, at(name)));
    const addresses = new Set(results.map((result) => result.ips[0].address));
    assert.equal(addresses.size, count);
    assert.equal(new Set(results.map((result) => result.interfaces[1].name)).size, count);
    assert.equal(reserved().length, count);
    assert.equal(host.links().length, count + 2);
    assert.deepEqual(host.addresses("br0"), ["10.1.2.1/24"]);

    await inParallel(names, (name) => cni.delAsync(config, at(name)));
    assert.deepEqual(reserved(), []);
    assert.deepEqual(host.links(), ["br0", "lo"]);
  },
);
