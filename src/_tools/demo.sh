#!/bin/sh
# The main job on real kernel objects: two containers on one bridge network, and back again.
#
#     src/_tools/demo.sh [CNIBOX]      (default: build/cnibox)
#
# All of it happens in a network and a mount namespace of its own; the machine's is not touched.
set -eu

cnibox=$(realpath "${1:-build/cnibox}")
if [ -z "${DEMO_INSIDE:-}" ]; then
  export DEMO_INSIDE=1
  exec unshare --net --mount --propagation private -- "$0" "$cnibox"
fi
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t sysfs sysfs /sys

say() { printf '\n# %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

say "One file becomes the plugins of a CNI bin directory"
mkdir -p /run/cni/bin
show "$cnibox" --install /run/cni/bin

network='{
  "cniVersion": "1.1.0", "name": "web", "type": "bridge", "bridge": "cni0",
  "isDefaultGateway": true, "ipMasq": true,
  "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "2001:db8::/64" }]] }
}'
call() { # VERB CONTAINER: as a runtime calls a plugin
  printf '%s' "$network" | env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_NETNS="/run/netns/$2" \
    CNI_IFNAME=eth0 CNI_PATH=/run/cni/bin /run/cni/bin/bridge
}
state() { ip -br link; ip -br addr; nft list ruleset; find /var/lib/cni -type f ! -name 'l*' 2>/dev/null | sort; }

say "The network"
printf '%s\n' "$network"

for container in blue green; do
  ip netns add "$container"
  say "ADD $container"
  call ADD "$container"
  echo
done

say "They reach each other, over IPv4 and IPv6"
show ip netns exec blue ping -c 1 -W 2 10.1.2.3
show ip netns exec green ping -c 1 -W 2 2001:db8::2

say "What is there now: links, addresses, rules, leases"
state

for container in blue green; do
  say "DEL $container"
  call DEL "$container"
done
ip link delete cni0 # the bridge stays for the next container, as with the reference; here it goes too

say "What is left"
state
left=$(ip -br link | grep -vc '^lo ' || true)
rules=$(nft list ruleset)
leases=$(find /var/lib/cni -name '10.*' -o -name '2001*')
if [ "$left" -ne 0 ] || [ -n "$rules" ] || [ -n "$leases" ]; then
  echo "Something was left behind" >&2
  exit 1
fi
echo "Nothing but the loopback interface: no rule, no link, no lease."
