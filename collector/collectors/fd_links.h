// Link texts of the target's descriptors, in memory that all helpers of a run share: each collector that needs them for
// itself would cost a readlinkat(2) for each of 10,000 descriptors.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>

namespace ec {

class FdLinks {
 public:
  FdLinks();  // must come before the helpers are forked; without memory nothing is shared
  ~FdLinks();
  FdLinks(const FdLinks&) = delete;
  FdLinks& operator=(const FdLinks&) = delete;

  // Somebody reads them later: the others wait instead of reading them too.
  void expect();
  // True when nobody reads or has read them yet: the caller does it now.
  bool claim();

  // By the one that reads them. clear() starts anew; what was added is seen by others after publish() only.
  void clear();
  void add(int fd, std::string_view text);
  void publish();
  void give_up();  // not all could be read

  // Waits while somebody reads them, for `longest`. True when all of them are here.
  bool wait(std::chrono::milliseconds longest) const;
  // In the order they were added; stops when `visit` gives false. Condition: wait() was true.
  void each(const std::function<bool(int fd, std::string_view text)>& visit) const;

 private:
  struct Board;
  Board* board_ = nullptr;  // null: nothing is shared
};

}  // namespace ec
