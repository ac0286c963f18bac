/*
 * What is frozen (freeze.h) is never freed, and references to it are not counted: to count is to write,
 * and the kernel copies each page that is written. A call that counts them all has nearly every page of
 * the image copied, which takes longer than to run it.
 *
 * immortal.sed puts these into QuickJS, in place of its own ++, -- and comparisons with 1. Its collector
 * of cycles uses them as well: there, what is never counted down is always in use.
 */
#ifndef CNIBOX_ENGINE_IMMORTAL_H_
#define CNIBOX_ENGINE_IMMORTAL_H_

#ifdef __cplusplus
extern "C" {
#endif

/* Where the frozen memory ends; all other memory has higher addresses. Null: nothing is frozen. */
extern const char *frozen_end;

#ifdef __cplusplus
}
#endif

#define IS_FROZEN(address) ((const char *)(address) < frozen_end)

#define COUNT_UP(count) (IS_FROZEN(&(count)) ? 0 : (count)++)
/* What is left: for something frozen, some. */
#define COUNT_DOWN(count) (IS_FROZEN(&(count)) ? 1 : --(count))
#define IS_COUNTED_ONCE(count) (!IS_FROZEN(&(count)) && (count) == 1)

#endif
