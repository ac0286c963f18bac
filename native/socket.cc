// Sockets: making, naming, options.

#include <algorithm>
#include <vector>

#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"
#include "failure.h"
#include "netns.h"

namespace cnibox {

namespace {

const sockaddr* Address(Bytes bytes) { return reinterpret_cast<const sockaddr*>(bytes.data); }

}  // namespace

Napi::Value Socket(const Arguments& args) {
  int domain = args.Integer<int>(0, "domain");
  int type = args.Integer<int>(1, "type");
  int protocol = args.Integer<int>(2, "protocol");
  int netns = args.Netns(3);
  int fd = [&] {
    InNetns inside(netns);
    return Try("socket", [&] { return socket(domain, type | SOCK_CLOEXEC, protocol); });
  }();
  return Napi::Number::New(args.Env(), fd);
}

Napi::Value Bind(const Arguments& args) {
  int fd = args.Descriptor(0);
  Bytes address = args.Data(1, "address");
  Try("bind", [&] { return bind(fd, Address(address), address.size); });
  return args.Env().Undefined();
}

Napi::Value Connect(const Arguments& args) {
  int fd = args.Descriptor(0);
  Bytes address = args.Data(1, "address");
  Try("connect", [&] { return connect(fd, Address(address), address.size); });
  return args.Env().Undefined();
}

Napi::Value Listen(const Arguments& args) {
  int fd = args.Descriptor(0);
  int backlog = args.Integer<int>(1, "backlog");
  Try("listen", [&] { return listen(fd, backlog); });
  return args.Env().Undefined();
}

Napi::Value Accept(const Arguments& args) {
  int fd = args.Descriptor(0);
  int peer = Try("accept4", [&] { return accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); });
  return Napi::Number::New(args.Env(), peer);
}

Napi::Value Getsockname(const Arguments& args) {
  int fd = args.Descriptor(0);
  sockaddr_storage address;
  socklen_t size = sizeof address;
  Try("getsockname", [&] { return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size); });
  return NewBytes(args.Env(), &address, size);
}

Napi::Value Setsockopt(const Arguments& args) {
  int fd = args.Descriptor(0);
  int level = args.Integer<int>(1, "level");
  int name = args.Integer<int>(2, "name");
  int number = 0;
  Bytes value = {reinterpret_cast<uint8_t*>(&number), sizeof number};
  if (args[3].IsNumber()) {
    number = args.Integer<int>(3, "value");
  } else {
    value = args.Data(3, "value");
  }
  Try("setsockopt", [&] { return setsockopt(fd, level, name, value.data, value.size); });
  return args.Env().Undefined();
}

Napi::Value Getsockopt(const Arguments& args) {
  int fd = args.Descriptor(0);
  int level = args.Integer<int>(1, "level");
  int name = args.Integer<int>(2, "name");
  uint8_t value[4096];
  socklen_t size = args.Range(3, "length", 0, sizeof value);
  Try("getsockopt", [&] { return getsockopt(fd, level, name, value, &size); });
  return NewBytes(args.Env(), value, size);
}

Napi::Value AttachFilter(const Arguments& args) {
  int fd = args.Descriptor(0);
  Bytes program = args.Data(1, "program");
  if (program.size % sizeof(sock_filter) != 0) args.Refuse("program", "whole instructions");
  std::vector<sock_filter> instructions(program.size / sizeof(sock_filter));
  std::copy_n(program.data, program.size, reinterpret_cast<uint8_t*>(instructions.data()));
  sock_fprog whole = {static_cast<unsigned short>(instructions.size()), instructions.data()};
  Try("setsockopt", [&] {
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole);
  });
  return args.Env().Undefined();
}

Napi::Value Shutdown(const Arguments& args) {
  int fd = args.Descriptor(0);
  int how = args.Integer<int>(1, "how");
  Try("shutdown", [&] { return shutdown(fd, how); });
  return args.Env().Undefined();
}

Napi::Value Socketpair(const Arguments& args) {
  int domain = args.Integer<int>(0, "domain");
  int type = args.Integer<int>(1, "type");
  int ends[2];
  Try("socketpair", [&] { return socketpair(domain, type | SOCK_CLOEXEC, 0, ends); });
  return NewPair(args.Env(), ends);
}

}  // namespace cnibox
