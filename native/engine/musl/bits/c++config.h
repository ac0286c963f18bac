// The C++ library's headers as Debian has them are configured for glibc. This stands before theirs on
// the include path, and takes back what musl has not.
#define __GLIBC_PREREQ(major, minor) 0
#define __locale_t locale_t

#include_next <bits/c++config.h>

#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK
