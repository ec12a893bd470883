// Micrometer behind an actuator gives the names of its metrics, and the value of one at a time: a handful of them are
// worth a GET each.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/clock.h"
#include "collector/collectors/http_client.h"

namespace ec {

// What to ask behind the page of names, whose body is `names`: "jvm.memory.used?tag=area:heap" … Only what it lists.
std::vector<std::string> metrics_worth_asking(std::string_view names);

// The answers to a few short questions, as one body. It gives up soon: these are figures, not evidence.
class SingleValues {
 public:
  explicit SingleValues(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  const std::string* next();  // null: that was the last one, or enough of them failed or took too long
  void take(const std::string& path, const Result<HttpAnswer>& answer);
  // {"jvm.threads.live": {…as served…}, …}; `broken` when some are missing that were worth asking.
  HttpAnswer together() const;
  static HttpLimits limits();

 private:
  std::vector<std::string> paths_;
  size_t next_ = 0;
  std::map<std::string, std::string> bodies_;
  double took_ms_ = 0;
  std::string problem_;
};

// Of such a body: path → "812 MiB", "1234 times, 2.1 ms each, 812 ms at most lately". Printable; nothing of what is
// none.
std::map<std::string, std::string> words_of_single_values(std::string_view body);

}  // namespace ec
