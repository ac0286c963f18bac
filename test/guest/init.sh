#!/bin/sh
# The first process of the User Mode Linux guest: runs test files, then powers off.
#
# The guest's root is the machine's own file system, so that a job is a directory on it. The
# kernel's command line names it (JOB) and becomes our environment. In it, `run.sh` is what to do;
# what it prints is for `log`, and `done` says that it came to its end.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run

# The kernel asks for the modules of a link type or a rule by itself. They stand in a folder of the
# package, and a root for modprobe that has them cannot be made on the machine's file system.
mkdir -p /run/modules/lib/modules /run/bin /run/lock
mount --bind /usr/lib/uml/modules /run/modules/lib/modules
printf '#!/bin/sh\nexec modprobe -d /run/modules "$@"\n' >/run/bin/guest-modprobe
chmod +x /run/bin/guest-modprobe
echo /run/bin/guest-modprobe >/proc/sys/kernel/modprobe
# What nothing asks for by name: the second address family.
/run/bin/guest-modprobe ipv6

# nf_tables of this kernel has no compatibility layer: only the older iptables works.
for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
	ln -s "/usr/sbin/$(echo "$tool" | sed 's/tables/tables-legacy/')" "/run/bin/$tool"
done
export PATH=/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export TMPDIR=/run # FIFOs cannot be shared with the machine
ip link set lo up

sh "$JOB/run.sh" >"$JOB/log" 2>&1
echo "$?" >"$JOB/done"
poweroff -f
