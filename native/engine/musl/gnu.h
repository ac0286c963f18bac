// What the addon uses of glibc's extensions and musl has not; included before every source.
#ifndef CNIBOX_ENGINE_MUSL_GNU_H_
#define CNIBOX_ENGINE_MUSL_GNU_H_

#include <spawn.h>

extern "C" {

// The name of an errno value, such as "ENOENT"; null for one that has none. <string.h> of glibc.
const char* strerrorname_np(int number);

// What it means; null for a value that has no name. <string.h> of glibc.
const char* strerrordesc_np(int number);

// That the child starts with no descriptor from `first` on. <spawn.h> of glibc.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t* actions, int first);
}

#endif  // CNIBOX_ENGINE_MUSL_GNU_H_
