/** Our side of the calls against the reference's other side, both ways. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import t from "tap";
import { utf8 } from "../../src/addr/bytes.ts";
import { parseCidr } from "../../src/addr/cidr.ts";
import { requireIp } from "../../src/addr/ip.ts";
import { type IncomingCall, RpcClient, RpcServer } from "../../src/dhcp/rpc.ts";
import { fromUtf8 } from "../../src/dhcp/text.ts";

const program = "/usr/lib/cni/dhcp";
const skip = !existsSync(program) && "the Go plugins are not installed";

/** Runs the reference's plugin and gives what it prints. */
function plugin(
  command: string,
  socket: string,
): Promise<{ status: number | null; output: string }> {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/c",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/nowhere",
    CNI_ARGS: "A=b",
  };
  const child = spawn(program, [], { env, stdio: ["pipe", "pipe", "inherit"] });
  const ipam = { type: "dhcp", daemonSocketPath: socket };
  child.stdin.end(JSON.stringify({ cniVersion: "1.0.0", name: "net", type: "x", ipam }));
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  return new Promise((done) => child.on("close", (status) => done({ status, output })));
}

t.test("the reference's plugin calls our daemon", { skip }, async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/dhcp-rpc-`);
  t.teardown(() => rmSync(directory, { recursive: true }));
  const calls: IncomingCall[] = [];
  const listener = createServer((socket) => {
    const server = new RpcServer();
    socket.on("data", (data) => {
      const { calls: more, answer } = server.push(new Uint8Array(data));
      socket.write(answer);
      for (const call of more) {
        calls.push(call);
        if (calls.length === 3) socket.write(server.fail(call, "no more tries"));
        else if (call.method === "DHCP.Release") socket.write(server.reply(call));
        else socket.write(server.reply(call, lease));
      }
    });
  });
  await new Promise<void>((done) => listener.listen(`${directory}/socket`, done));
  t.teardown(() => listener.close());
  const lease = {
    ips: [{ address: parseCidr("192.0.2.7/24"), gateway: requireIp("192.0.2.1") }],
    routes: [{ dst: parseCidr("0.0.0.0/0"), gw: requireIp("192.0.2.1") }],
    dns: { nameservers: ["192.0.2.53"], domain: "example.com" },
  };

  const added = await plugin("ADD", `${directory}/socket`);
  t.equal(added.status, 0);
  t.strictSame(JSON.parse(added.output), {
    cniVersion: "1.0.0",
    ips: [{ address: "192.0.2.7/24", gateway: "192.0.2.1" }],
    routes: [{ dst: "0.0.0.0/0", gw: "192.0.2.1" }],
    dns: { nameservers: ["192.0.2.53"], domain: "example.com" },
  });
  t.strictSame(await plugin("DEL", `${directory}/socket`), { status: 0, output: "" });
  const failed = await plugin("ADD", `${directory}/socket`);
  t.match(JSON.parse(failed.output), { msg: "error calling DHCP.Allocate: no more tries" });
  t.match(calls, [
    { method: "DHCP.Allocate", args: { containerId: "c1", netns: "/run/netns/c", args: "A=b" } },
    { method: "DHCP.Release", args: { ifName: "eth0", path: "/nowhere" } },
    { method: "DHCP.Allocate" },
  ]);
  t.match(JSON.parse(fromUtf8((calls[0] as IncomingCall).args.stdin)), { name: "net" });
});

t.test("we call the reference's daemon", { skip }, async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/dhcp-rpc-`);
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = `${directory}/socket`;
  const daemon = spawn(program, ["daemon", "-socketpath", path], { stdio: "ignore" });
  t.teardown(() => daemon.kill());
  for (let i = 0; i < 200 && !existsSync(path); i++)
    await new Promise((done) => setTimeout(done, 50));

  const client = new RpcClient();
  const socket: Socket = createConnection(path);
  t.teardown(() => socket.destroy());
  const args = {
    containerId: "c1",
    netns: "/nowhere/netns",
    ifName: "eth0",
    args: "",
    path: "",
    netnsOverride: "",
    stdin: utf8('{"cniVersion":"1.0.0","name":"net","type":"x","ipam":{"type":"dhcp"}}'),
  };
  socket.write(client.connect());
  const replies = await new Promise<unknown[]>((done) => {
    const replies: unknown[] = [];
    socket.on("data", (data) => {
      const wasConnected = client.isConnected;
      const more = client.push(new Uint8Array(data));
      if (!wasConnected && client.isConnected) socket.write(client.call("DHCP.Allocate", args));
      for (const reply of more) {
        replies.push(reply);
        if (replies.length === 1) socket.write(client.call("DHCP.Release", args));
        else done(replies);
      }
    });
  });
  t.match(replies, [{ seq: 0, error: /\/nowhere\/netns.*no such file/ }, { seq: 1 }]);
  t.notOk((replies[1] as { error?: string }).error, "a lease that is not there is released");
});
