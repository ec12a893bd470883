// gzip, profile.proto and what is computed from them. Redaction keeps a profile a profile, with as many samples and
// strings; what is written is what was read; a profile less itself is nothing; reports and trees hold every sample.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/archive/redaction.h"
#include "collector/profile/call_tree.h"
#include "collector/profile/digest.h"
#include "collector/profile/goroutines.h"
#include "collector/profile/gzip.h"
#include "collector/profile/measurement.h"
#include "collector/profile/merge.h"
#include "collector/profile/pprof_strings.h"
#include "collector/profile/pprof_writer.h"
#include "collector/profile/profile_report.h"
#include "collector/report/profile_json.h"
#include "collector/report/profile_text.h"

namespace {

constexpr size_t kLimit = 4 << 20;

void check_same_shape(const ec::Pprof& before, std::string_view rewritten) {
  auto after = ec::parse_pprof("rewritten", rewritten);
  if (!after || after->samples.size() != before.samples.size() || after->strings.size() != before.strings.size() ||
      after->labels.size() != before.labels.size() || after->values != before.values || after->stack != before.stack)
    std::abort();
}

void check_redaction(std::string_view bytes, const ec::Pprof* profile) {
  static const ec::Redactor redactor(true);
  ec::Redacted redacted = redactor.redact(ec::Redact::kPprof, {}, std::string(bytes));
  if (!profile) return;
  if (redacted.count == 0 && redacted.bytes != bytes && !ec::looks_gzipped(bytes)) std::abort();
  if (!ec::looks_gzipped(redacted.bytes)) return check_same_shape(*profile, redacted.bytes);
  auto unpacked = ec::gunzip("redacted", redacted.bytes, kLimit * 16);
  if (!unpacked) std::abort();
  check_same_shape(*profile, *unpacked);
}

void check_all_rewritten(std::string_view message, const ec::Pprof* profile) {
  auto replace = [](std::string_view text, const ec::PprofStringUse&) {
    return std::optional<std::string>(std::string(text.size() % 200, 'x'));
  };
  auto rewrite =
      ec::rewrite_pprof_strings(message, false, {[](std::string_view key) { return key.size() % 256; }, replace});
  if (rewrite.read > message.size()) std::abort();
  if (profile && rewrite.read < message.size()) std::abort();
  if (profile) check_same_shape(*profile, rewrite.bytes ? std::string_view(*rewrite.bytes) : message);
}

int64_t sum_of(const ec::Pprof& profile, size_t sample_type) {
  int64_t sum = 0;
  for (const auto& sample : profile.samples)
    if (sample.locations.count > 0) sum = ec::wrapping_sum(sum, profile.values[sample.values.first + sample_type]);
  return sum;
}

void check_written(const ec::Pprof& profile) {
  auto bytes = ec::gunzip("written", ec::write_pprof(profile), kLimit * 16);
  auto back = bytes ? ec::parse_pprof("written", *bytes) : ec::Result<ec::Pprof>(tl::unexpected(bytes.error()));
  if (!back || *back != profile) std::abort();
}

void check_views(const ec::OwnedPprof& owned) {
  // Names of the profile itself: expressions that match some of it.
  const ec::Pprof& profile = owned.profile;
  ec::ProfileQuery query;
  query.demangle = [](std::string_view name) { return std::string(name); };
  auto chosen = ec::choose_profile({owned}, {}, query);
  if (!chosen) return;
  ec::ReportOptions everything;
  everything.node_fraction = everything.edge_fraction = 0;
  auto report = ec::report_functions(*chosen, everything);
  if (ec::top_text(report).empty() || ec::tree_text(report, nullptr).empty()) std::abort();
  ec::report_json(report, true, nullptr);
  ec::top_text(ec::report_functions(*chosen, {}));
  int64_t flat = 0;
  for (const auto& node : report.nodes) flat = ec::wrapping_sum(flat, node.flat);
  if (flat != sum_of(chosen->owned.profile, chosen->sample_type)) std::abort();
  auto tree = ec::call_tree(*chosen);
  int64_t total = 0;
  for (const auto& node : tree.nodes) total = ec::wrapping_sum(total, node.self);
  if (total != tree.nodes[0].total) std::abort();
  ec::folded_text(tree);
  for (std::string ec::ProfileQuery::*filter :
       {&ec::ProfileQuery::focus, &ec::ProfileQuery::ignore, &ec::ProfileQuery::hide, &ec::ProfileQuery::show}) {
    ec::ProfileQuery filtered = query;
    filtered.*filter = std::string(profile.strings.back().substr(0, 40));
    if (auto some = ec::choose_profile({owned}, {}, filtered)) ec::top_text(ec::report_functions(*some, {}));
  }
}

void check_digest(const ec::Pprof& profile) {
  auto digest = ec::digest_profile(ec::profile_kind("heap", profile), profile);
  int64_t sum = 0;
  for (int64_t part : digest.runtime) sum = ec::wrapping_sum(sum, part);
  if (sum != digest.total || digest.paths.size() > digest.by_charged.size()) std::abort();
  for (const auto& path : digest.paths)
    if (path.functions.empty() || path.functions.size() != path.values.size()) std::abort();
}

void check_merged(const ec::OwnedPprof& owned) {
  const ec::OwnedPprof twice[] = {owned, owned};
  auto sum = ec::merge_profiles(twice);
  auto nothing = ec::subtract_profile(owned, owned, false);
  auto marked = ec::subtract_profile(owned, owned, true);
  if (!sum || !nothing || !marked) return;  // only too many rows, and INT64_MIN in other units
  check_written(sum->profile);
  check_written(marked->profile);
  check_views(*marked);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto unpacked = ec::gunzip("input", bytes, kLimit);
  std::string_view message = unpacked ? std::string_view(*unpacked) : bytes;
  auto profile = ec::parse_pprof("input", message);
  check_redaction(bytes, profile ? &*profile : nullptr);
  check_all_rewritten(message, profile ? &*profile : nullptr);
  if (unpacked) check_redaction(message, profile ? &*profile : nullptr);
  if (profile) {
    check_written(*profile);
    check_digest(*profile);
    auto owned = ec::own_pprof("input", std::string(message));
    if (!owned) std::abort();
    check_views(*owned);
    check_merged(*owned);
    auto goroutines = ec::goroutines_of("input", *profile);
    if (goroutines)
      for (const auto& group : goroutines->groups) ec::wait_of(group.functions);
  }
  return 0;
}
