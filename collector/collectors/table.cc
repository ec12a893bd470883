#include "collector/collectors/collector.h"

namespace ec {

const std::vector<Collector>& collector_table() {
  static const std::vector<Collector> kTable{
      // Rows by lane, most volatile first. See collector.h for the meaning of the columns.
  };
  return kTable;
}

}  // namespace ec
