// Sockets: sending and receiving.

#include <algorithm>
#include <vector>

#include <sys/socket.h>

#include "calls.h"
#include "failure.h"

namespace cnibox {

namespace {

// Peeking with room for a netlink message of the largest size that the kernel makes (32 KiB) also
// tells it that it may make such large ones: a dump then takes few of them.
constexpr size_t kRoom = 64 * 1024;

struct Sender {
  sockaddr_storage address;
  socklen_t size = 0;
};

ssize_t Receive(int fd, void* data, size_t room, int flags, Sender& sender) {
  return Try("recvfrom", [&] {
    sender.size = sizeof sender.address;
    return recvfrom(fd, data, room, flags, reinterpret_cast<sockaddr*>(&sender.address),
                    &sender.size);
  });
}

bool IsStream(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  Try("getsockopt", [&] { return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size); });
  return type == SOCK_STREAM;
}

}  // namespace

Napi::Value Send(const Arguments& args) {
  int fd = args.Descriptor(0);
  Bytes data = args.Data(1, "data");
  int flags = args.Integer<int>(2, "flags");
  Bytes address = args.Has(3) ? args.Data(3, "address") : Bytes{nullptr, 0};
  ssize_t size = Try("sendto", [&] {
    return sendto(fd, data.data, data.size, flags, reinterpret_cast<sockaddr*>(address.data),
                  address.size);
  });
  return Napi::Number::New(args.Env(), static_cast<double>(size));
}

Napi::Value Recv(const Arguments& args) {
  int fd = args.Descriptor(0);
  int flags = args.Integer<int>(1, "flags");
  Napi::Env env = args.Env();
  Sender sender;
  Napi::Uint8Array data;
  uint8_t buffer[kRoom];
  if (IsStream(fd)) {
    ssize_t size = Receive(fd, buffer, sizeof buffer, flags, sender);
    data = NewBytes(env, buffer, size);
  } else {
    // MSG_TRUNC: the size it has, not the size that fits.
    ssize_t size = Receive(fd, buffer, sizeof buffer, flags | MSG_PEEK | MSG_TRUNC, sender);
    data = Napi::Uint8Array::New(env, size);
    ssize_t taken = Receive(fd, data.Data(), size, flags | MSG_TRUNC, sender);
    // Only if another reader of the same socket came between.
    if (taken != size) throw SystemFailure{EMSGSIZE, "recvfrom", {}, {}};
  }
  Napi::Object datagram = Napi::Object::New(env);
  datagram.Set("data", data);
  datagram.Set("address", NewBytes(env, &sender.address, sender.size));
  return datagram;
}

Napi::Value SendDescriptors(const Arguments& args) {
  int fd = args.Descriptor(0);
  std::vector<int> sent;
  args.Each(1, "descriptors", [&](Napi::Value value, const char* name) {
    sent.push_back(static_cast<int>(args.Whole(value, name, 0, INT32_MAX)));
  });
  size_t size = sent.size() * sizeof(int);
  std::vector<uint8_t> control(CMSG_SPACE(size));
  uint8_t byte = 0; // a stream sends none without data
  iovec data = {&byte, sizeof byte};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(size);
  std::copy_n(reinterpret_cast<const uint8_t*>(sent.data()), size, CMSG_DATA(header));
  Try("sendmsg", [&] { return sendmsg(fd, &message, MSG_NOSIGNAL); });
  return args.Env().Undefined();
}

}  // namespace cnibox
