// Work in another network namespace, for the length of one system call.
#pragma once

namespace cnibox {

/**
 * While this object lives, the calling thread is in another network namespace.
 *
 * A network namespace belongs to a thread, so the thread must not change and must not run anything
 * else meanwhile. Both hold without a thread of our own: a call of the addon runs from start to end
 * on the thread that JavaScript made it on, no JavaScript runs within it, and the guard stands
 * around a single system call. The other threads of Node never leave their namespace.
 *
 * If the way back fails, the process ends by abort(): whatever it did next would be done to the
 * wrong network.
 */
class InNetns {
 public:
  /// @param netns a namespace descriptor, or -1 to stay where we are
  explicit InNetns(int netns);
  ~InNetns();
  InNetns(const InNetns&) = delete;
  InNetns& operator=(const InNetns&) = delete;

 private:
  int own_ = -1;
};

}  // namespace cnibox
