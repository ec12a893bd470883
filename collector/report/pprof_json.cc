#include "collector/report/pprof_json.h"

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <utility>

#include "collector/report/json_text.h"

namespace ec {

namespace {

class PprofWriter {
 public:
  explicit PprofWriter(const Pprof& profile) : profile_(profile) {}

  std::string run() {
    out_ = R"({"schema":1,)";
    list("sample_types", profile_.sample_types, [&](const PprofValueType& type) { value_type(type); });
    field("default_sample_type", profile_.default_sample_type);
    put(R"("time_ns":{},"duration_ns":{},"period":{},"period_type":)", profile_.time_ns, profile_.duration_ns,
        profile_.period);
    value_type(profile_.period_type);
    out_ += ',';
    list("comments", profile_.comments, [&](uint32_t comment) { text(comment); });
    list("mappings", profile_.mappings, [&](const PprofMapping& one) { mapping(one); });
    list("functions", profile_.functions, [&](const PprofFunction& one) { function(one); });
    list("locations", profile_.locations, [&](const PprofLocation& one) { location(one); });
    list("samples", profile_.samples, [&](const PprofSample& one) { sample(one); });
    out_.back() = '}';
    return out_ + "\n";
  }

 private:
  template <class... Values>
  void put(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Values>(values)...);
  }
  void text(uint32_t string) { append_json_string(out_, profile_.strings[string]); }
  void field(std::string_view name, uint32_t string) { append_json_field(out_, name, profile_.strings[string]); }

  // "name":[row,row],
  template <class Rows, class Write>
  void list(std::string_view name, const Rows& rows, Write write) {
    put(R"("{}":[)", name);
    bool first = true;
    for (const auto& row : rows) {
      if (!first) out_ += ',';
      first = false;
      write(row);
    }
    out_ += "],";
  }
  // The rows of a pool that belong to one row.
  template <class Row>
  std::span<const Row> rows_of(const std::vector<Row>& pool, PprofSlice slice) {
    return {pool.data() + slice.first, slice.count};
  }
  void close() { out_.back() = '}'; }  // in place of the last comma

  void value_type(const PprofValueType& type) {
    out_ += '{';
    field("type", type.type);
    field("unit", type.unit);
    close();
  }
  void mapping(const PprofMapping& one) {
    put(R"({{"id":{},"start":{},"limit":{},"file_offset":{},)", one.id, one.start, one.limit, one.file_offset);
    field("file", one.file);
    field("build_id", one.build_id);
    close();
  }
  void function(const PprofFunction& one) {
    put(R"({{"id":{},"start_line":{},)", one.id, one.start_line);
    field("name", one.name);
    field("system_name", one.system_name);
    field("file", one.file);
    close();
  }
  void location(const PprofLocation& one) {
    put(R"({{"id":{},"address":{},"mapping_id":{},)", one.id, one.address,
        one.mapping == kNoPprofMapping ? 0 : profile_.mappings[one.mapping].id);
    list("lines", rows_of(profile_.lines, one.lines), [&](const PprofLine& line) {
      put(R"({{"function_id":{},"line":{}}})", profile_.functions[line.function].id, line.line);
    });
    close();
  }
  void label(const PprofLabel& one) {
    out_ += '{';
    field("key", one.key);
    if (one.text != 0) {
      field("text", one.text);
    } else {
      put(R"("number":{},)", one.number);
      field("unit", one.unit);
    }
    close();
  }
  void sample(const PprofSample& one) {
    out_ += '{';
    list("locations", rows_of(profile_.stack, one.locations),
         [&](uint32_t index) { put("{}", profile_.locations[index].id); });
    list("values", rows_of(profile_.values, one.values), [&](int64_t value) { put("{}", value); });
    list("labels", rows_of(profile_.labels, one.labels), [&](const PprofLabel& each) { label(each); });
    close();
  }

  const Pprof& profile_;
  std::string out_;
};

}  // namespace

std::string pprof_json(const Pprof& profile) { return PprofWriter(profile).run(); }

}  // namespace ec
