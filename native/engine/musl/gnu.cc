// What musl has not: see gnu.h. And what the C++ library, built for glibc, asks of the C library.
#include "gnu.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

// By value, as numbered by the target's <asm/errno.h>.
#define NAME(number) {number, #number},
const struct {
  int number;
  const char* name;
} kNames[] = {
    NAME(EPERM) NAME(ENOENT) NAME(ESRCH) NAME(EINTR) NAME(EIO) NAME(ENXIO) NAME(E2BIG)
    NAME(ENOEXEC) NAME(EBADF) NAME(ECHILD) NAME(EAGAIN) NAME(ENOMEM) NAME(EACCES) NAME(EFAULT)
    NAME(ENOTBLK) NAME(EBUSY) NAME(EEXIST) NAME(EXDEV) NAME(ENODEV) NAME(ENOTDIR) NAME(EISDIR)
    NAME(EINVAL) NAME(ENFILE) NAME(EMFILE) NAME(ENOTTY) NAME(ETXTBSY) NAME(EFBIG) NAME(ENOSPC)
    NAME(ESPIPE) NAME(EROFS) NAME(EMLINK) NAME(EPIPE) NAME(EDOM) NAME(ERANGE) NAME(EDEADLK)
    NAME(ENAMETOOLONG) NAME(ENOLCK) NAME(ENOSYS) NAME(ENOTEMPTY) NAME(ELOOP) NAME(ENOMSG)
    NAME(EIDRM) NAME(ECHRNG) NAME(EL2NSYNC) NAME(EL3HLT) NAME(EL3RST) NAME(ELNRNG) NAME(EUNATCH)
    NAME(ENOCSI) NAME(EL2HLT) NAME(EBADE) NAME(EBADR) NAME(EXFULL) NAME(ENOANO) NAME(EBADRQC)
    NAME(EBADSLT) NAME(EBFONT) NAME(ENOSTR) NAME(ENODATA) NAME(ETIME) NAME(ENOSR) NAME(ENONET)
    NAME(ENOPKG) NAME(EREMOTE) NAME(ENOLINK) NAME(EADV) NAME(ESRMNT) NAME(ECOMM) NAME(EPROTO)
    NAME(EMULTIHOP) NAME(EDOTDOT) NAME(EBADMSG) NAME(EOVERFLOW) NAME(ENOTUNIQ) NAME(EBADFD)
    NAME(EREMCHG) NAME(ELIBACC) NAME(ELIBBAD) NAME(ELIBSCN) NAME(ELIBMAX) NAME(ELIBEXEC)
    NAME(EILSEQ) NAME(ERESTART) NAME(ESTRPIPE) NAME(EUSERS) NAME(ENOTSOCK) NAME(EDESTADDRREQ)
    NAME(EMSGSIZE) NAME(EPROTOTYPE) NAME(ENOPROTOOPT) NAME(EPROTONOSUPPORT) NAME(ESOCKTNOSUPPORT)
    NAME(EOPNOTSUPP) NAME(EPFNOSUPPORT) NAME(EAFNOSUPPORT) NAME(EADDRINUSE) NAME(EADDRNOTAVAIL)
    NAME(ENETDOWN) NAME(ENETUNREACH) NAME(ENETRESET) NAME(ECONNABORTED) NAME(ECONNRESET)
    NAME(ENOBUFS) NAME(EISCONN) NAME(ENOTCONN) NAME(ESHUTDOWN) NAME(ETOOMANYREFS) NAME(ETIMEDOUT)
    NAME(ECONNREFUSED) NAME(EHOSTDOWN) NAME(EHOSTUNREACH) NAME(EALREADY) NAME(EINPROGRESS)
    NAME(ESTALE) NAME(EUCLEAN) NAME(ENOTNAM) NAME(ENAVAIL) NAME(EISNAM) NAME(EREMOTEIO)
    NAME(EDQUOT) NAME(ENOMEDIUM) NAME(EMEDIUMTYPE) NAME(ECANCELED) NAME(ENOKEY) NAME(EKEYEXPIRED)
    NAME(EKEYREVOKED) NAME(EKEYREJECTED) NAME(EOWNERDEAD) NAME(ENOTRECOVERABLE) NAME(ERFKILL)
    NAME(EHWPOISON)
};
#undef NAME

}  // namespace

const char* strerrorname_np(int number) {
  for (const auto& known : kNames) {
    if (known.number == number) return known.name;
  }
  return nullptr;
}

const char* strerrordesc_np(int number) {
  return strerrorname_np(number) ? strerror(number) : nullptr;
}

// Marked rather than closed: in this program, which is all ours, no descriptor is ever meant for a
// child but the standard ones. Linux before 5.11 cannot mark them all in one call.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t* actions, int first) {
  constexpr unsigned kCloseOnExec = 1 << 2;  // CLOSE_RANGE_CLOEXEC of linux/close_range.h
  if (syscall(SYS_close_range, first, ~0U, kCloseOnExec) == 0) return 0;
  DIR* open = opendir("/proc/self/fd");
  if (!open) return errno;
  while (dirent* entry = readdir(open)) {
    int fd = atoi(entry->d_name);
    if (fd >= first) posix_spawn_file_actions_addclose(actions, fd);
  }
  closedir(open);
  return 0;
}

extern "C" {

// Where the unwinder looks up a frame: there is one object, and the linker knows where its table is.
// <dlfcn.h> of glibc.
struct dl_find_object {
  unsigned long long flags;
  void* map_start;
  void* map_end;
  void* link_map;
  const void* eh_frame;
  unsigned long long reserved[7];
};

extern const char __ehdr_start[], __GNU_EH_FRAME_HDR[], _end[];

int _dl_find_object(void* address, dl_find_object* result) {
  if (address < __ehdr_start || address >= _end) return -1;
  *result = {};
  result->map_start = const_cast<char*>(__ehdr_start);
  result->map_end = const_cast<char*>(_end);
  result->eh_frame = __GNU_EH_FRAME_HDR;
  return 0;
}

// Whether reference counts may do without atomic instructions. <sys/single_threaded.h> of glibc.
char __libc_single_threaded = 0;
}
