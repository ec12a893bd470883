// The kernel log, in the form of /dev/kmsg (Documentation/ABI/testing/dev-kmsg) or of syslog(2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ec {

struct KmsgRecord {
  int level = 6;          // 0 emergency … 7 debug
  int facility = 0;       // 0: the kernel
  double seconds = 0;     // after boot, by the kernel's own clock, which stands still in suspend
  bool has_time = false;  // syslog(2) of a kernel with printk.time=0 has none
  std::string text;       // printable, one line
  int line = 0;           // in the artifact, from 1
};

// Both forms, line by line: "6,339,5140900,-;text" with " KEY=value" lines behind it (skipped), or "<6>[    5.140900]
// text". A line of neither form is the continuation of the text before it. Never fails: a log is kept as far as it
// reads.
std::vector<KmsgRecord> parse_kmsg(std::string_view text);

}  // namespace ec
