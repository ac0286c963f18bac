// The kernel's numbers. The names are those of ConstantName in src/sys/addon.ts.

#include <csignal>

#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "calls.h"

namespace cnibox {

namespace {

struct Constant {
  const char* name;
  double value;
};

#define CONSTANT(name) {#name, name}

const Constant kConstants[] = {
    CONSTANT(O_RDONLY),
    CONSTANT(O_WRONLY),
    CONSTANT(O_RDWR),
    CONSTANT(O_CREAT),
    CONSTANT(O_EXCL),
    CONSTANT(O_TRUNC),
    CONSTANT(O_APPEND),
    CONSTANT(O_DIRECTORY),
    CONSTANT(O_NOFOLLOW),
    CONSTANT(O_NONBLOCK),
    CONSTANT(O_TMPFILE),
    CONSTANT(O_PATH),

    CONSTANT(S_IFMT),
    CONSTANT(S_IFREG),
    CONSTANT(S_IFDIR),
    CONSTANT(S_IFLNK),
    CONSTANT(S_IFSOCK),
    CONSTANT(S_IFIFO),
    CONSTANT(S_IFCHR),
    CONSTANT(S_IFBLK),

    CONSTANT(LOCK_SH),
    CONSTANT(LOCK_EX),
    CONSTANT(LOCK_NB),
    CONSTANT(LOCK_UN),

    CONSTANT(AF_UNSPEC),
    CONSTANT(AF_UNIX),
    CONSTANT(AF_INET),
    CONSTANT(AF_INET6),
    CONSTANT(AF_NETLINK),
    CONSTANT(AF_PACKET),
    CONSTANT(AF_BRIDGE),

    CONSTANT(SOCK_STREAM),
    CONSTANT(SOCK_DGRAM),
    CONSTANT(SOCK_RAW),
    CONSTANT(SOCK_SEQPACKET),
    CONSTANT(SOCK_NONBLOCK),

    CONSTANT(SOL_SOCKET),
    CONSTANT(SOL_NETLINK),
    CONSTANT(SOL_PACKET),

    CONSTANT(SO_RCVBUF),
    CONSTANT(SO_SNDBUF),
    CONSTANT(SO_RCVBUFFORCE),
    CONSTANT(SO_SNDBUFFORCE),
    CONSTANT(SO_RCVTIMEO),
    CONSTANT(SO_SNDTIMEO),
    CONSTANT(SO_BINDTODEVICE),
    CONSTANT(SO_BROADCAST),
    CONSTANT(SO_REUSEADDR),
    CONSTANT(SO_ERROR),

    CONSTANT(NETLINK_ROUTE),
    CONSTANT(NETLINK_NETFILTER),
    CONSTANT(NETLINK_GENERIC),
    CONSTANT(NETLINK_EXT_ACK),
    CONSTANT(NETLINK_GET_STRICT_CHK),
    CONSTANT(NETLINK_CAP_ACK),
    CONSTANT(NETLINK_ADD_MEMBERSHIP),

    CONSTANT(MSG_PEEK),
    CONSTANT(MSG_TRUNC),
    CONSTANT(MSG_DONTWAIT),
    CONSTANT(MSG_NOSIGNAL),

    CONSTANT(POLLIN),
    CONSTANT(POLLOUT),
    CONSTANT(POLLERR),
    CONSTANT(POLLHUP),
    CONSTANT(POLLNVAL),

    CONSTANT(MS_BIND),
    CONSTANT(MS_REC),
    CONSTANT(MS_SHARED),
    CONSTANT(MS_PRIVATE),
    CONSTANT(MS_SLAVE),
    CONSTANT(MNT_DETACH),

    CONSTANT(CLOCK_REALTIME),
    CONSTANT(CLOCK_MONOTONIC),
    CONSTANT(CLOCK_BOOTTIME),

    CONSTANT(SIGTERM),
    CONSTANT(SIGKILL),
    CONSTANT(SIGINT),
    CONSTANT(SIGHUP),
    CONSTANT(SIGPIPE),

    CONSTANT(SHUT_RD),
    CONSTANT(SHUT_WR),
    CONSTANT(SHUT_RDWR),

    CONSTANT(TUNSETIFF),
    CONSTANT(TUNSETOWNER),
    CONSTANT(TUNSETGROUP),
    CONSTANT(TUNSETPERSIST),
    CONSTANT(IFF_TAP),
    CONSTANT(IFF_NO_PI),
    CONSTANT(IFF_VNET_HDR),
    CONSTANT(IFF_MULTI_QUEUE),
    CONSTANT(IFF_TUN_EXCL),
};

#undef CONSTANT

}  // namespace

Napi::Object Constants(Napi::Env env) {
  Napi::Object constants = Napi::Object::New(env);
  for (const Constant& constant : kConstants) {
    constants.Set(constant.name, Napi::Number::New(env, constant.value));
  }
  return constants;
}

}  // namespace cnibox
